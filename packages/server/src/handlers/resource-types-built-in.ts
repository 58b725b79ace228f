/**
 * Types of resources that every workspace knows. The names of types and fields are those that scripts written for
 * Windmill use; a workspace may describe a type of the same name otherwise.
 */

export interface BuiltInType {
  name: string;
  description: string;
  /** JSON text of the schema. */
  schema: string;
}

interface Field {
  type: "string" | "integer" | "boolean" | "object" | "array";
  description: string;
  required?: true;
  [more: string]: unknown;
}

const text = (description: string, more: object = {}): Field => ({ type: "string", description, ...more });
const needed = (description: string): Field => ({ type: "string", description, required: true });
const secret = (description: string): Field => ({ type: "string", description, password: true, format: "password" });
const neededSecret = (description: string): Field => ({ ...secret(description), required: true });
const number = (description: string, value?: number): Field => ({
  type: "integer",
  description,
  ...(value === undefined ? {} : { default: value }),
});
const toggle = (description: string, value: boolean): Field => ({ type: "boolean", description, default: value });
const choice = (description: string, values: readonly string[], value?: string): Field =>
  text(description, { enum: values, ...(value === undefined ? {} : { default: value }) });

const database = { host: needed("Host name or address"), user: text("User"), password: secret("Password") };
const apiKey = { api_key: neededSecret("API key") };
const token = { token: neededSecret("Access token") };

const types: Readonly<Record<string, readonly [description: string, fields: Readonly<Record<string, Field>>]>> = {
  postgresql: [
    "A PostgreSQL database",
    {
      ...database,
      port: number("Port", 5432),
      dbname: needed("Database"),
      sslmode: choice(
        "When the connection is encrypted",
        ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
        "prefer",
      ),
      root_certificate_pem: text("Certificate of the authority, PEM"),
    },
  ],
  mysql: [
    "A MySQL or MariaDB database",
    {
      ...database,
      port: number("Port", 3306),
      database: needed("Database"),
      ssl: toggle("Encrypt the connection", false),
    },
  ],
  mssql: [
    "A Microsoft SQL Server database",
    {
      ...database,
      port: number("Port", 1433),
      dbname: needed("Database"),
      instance_name: text("Instance"),
      encrypt: toggle("Encrypt the connection", true),
      trust_cert: toggle("Accept any certificate", false),
      ca_cert: text("Certificate of the authority, PEM"),
    },
  ],
  mongodb: [
    "A MongoDB database",
    {
      db: needed("Database"),
      tls: toggle("Encrypt the connection", true),
      servers: { type: "array", description: "Hosts and ports", items: { type: "object" } },
      credential: { type: "object", description: "username, password, db and mechanism" },
    },
  ],
  redis: [
    "A Redis server",
    {
      host: needed("Host"),
      port: number("Port", 6379),
      username: text("User"),
      password: secret("Password"),
      tls: toggle("Encrypt the connection", false),
      db: number("Number of the database"),
    },
  ],
  snowflake_oauth: [
    "A Snowflake account by OAuth",
    {
      account_identifier: needed("Account"),
      token: neededSecret("Token"),
      warehouse: text("Warehouse"),
      database: text("Database"),
      schema: text("Schema"),
      role: text("Role"),
    },
  ],
  snowflake: [
    "A Snowflake account",
    {
      account_identifier: needed("Account"),
      username: needed("User"),
      private_key: neededSecret("Private key, PEM"),
      public_key: text("Public key, PEM"),
      warehouse: text("Warehouse"),
      database: text("Database"),
      schema: text("Schema"),
      role: text("Role"),
    },
  ],
  bigquery: [
    "A service account for BigQuery",
    {
      project_id: needed("Project"),
      client_email: needed("Address of the service account"),
      private_key: neededSecret("Private key, PEM"),
      private_key_id: text("Id of the key"),
      client_id: text("Client id"),
      token_uri: text("Where tokens come from"),
    },
  ],
  graphql: [
    "A GraphQL endpoint",
    {
      base_url: needed("Address"),
      bearer_token: secret("Bearer token"),
      custom_headers: { type: "object", description: "Headers of every request" },
    },
  ],
  http: [
    "An HTTP service",
    {
      base_url: needed("Address that paths are appended to"),
      bearer_token: secret("Bearer token"),
      username: text("User of basic authentication"),
      password: secret("Password of basic authentication"),
      headers: { type: "object", description: "Headers of every request" },
    },
  ],
  s3: [
    "A bucket of S3 or of a service that speaks its protocol",
    {
      bucket: needed("Bucket"),
      region: needed("Region"),
      endPoint: needed("Host of the service"),
      port: number("Port"),
      useSSL: toggle("Use HTTPS", true),
      accessKey: text("Access key"),
      secretKey: secret("Secret key"),
      pathStyle: toggle("Put the bucket into the path", false),
    },
  ],
  azure_blob: [
    "A container of Azure Blob Storage",
    {
      accountName: needed("Storage account"),
      containerName: needed("Container"),
      accessKey: secret("Access key"),
      tenantId: text("Tenant"),
      clientId: text("Client"),
      endpoint: text("Host of the service"),
      useSSL: toggle("Use HTTPS", true),
    },
  ],
  aws: [
    "Credentials of Amazon Web Services",
    {
      awsAccessKeyId: needed("Access key id"),
      awsSecretAccessKey: neededSecret("Secret access key"),
      region: text("Region"),
    },
  ],
  gcp_service_account: [
    "A service account of Google Cloud",
    {
      type: text("Kind of the account", { default: "service_account" }),
      project_id: needed("Project"),
      private_key_id: text("Id of the key"),
      private_key: neededSecret("Private key, PEM"),
      client_email: needed("Address of the service account"),
      client_id: text("Client id"),
      auth_uri: text("Where people log in"),
      token_uri: text("Where tokens come from"),
      auth_provider_x509_cert_url: text("Certificates of the authority"),
      client_x509_cert_url: text("Certificate of the account"),
      universe_domain: text("Domain of the cloud"),
    },
  ],
  openai: [
    "An account of OpenAI",
    { ...apiKey, organization_id: text("Organisation"), base_url: text("Address, if another") },
  ],
  anthropic: ["An account of Anthropic", { apiKey: neededSecret("API key"), baseUrl: text("Address, if another") }],
  mistral: ["An account of Mistral AI", apiKey],
  googleai: ["An account of Google AI", apiKey],
  slack: ["A Slack app in a Slack workspace", token],
  discord_webhook: ["A webhook of a Discord channel", { webhook_url: neededSecret("Address of the webhook") }],
  telegram: ["A Telegram bot", token],
  smtp: [
    "A server that sends e-mail",
    {
      host: needed("Host"),
      port: number("Port", 587),
      user: text("User"),
      password: secret("Password"),
      tls_implicit: toggle("Encrypt from the first byte", false),
    },
  ],
  sendgrid: ["An account of SendGrid", { token: neededSecret("API key") }],
  git_repository: [
    "A git repository",
    {
      url: neededSecret("Address, with a token when it needs one"),
      branch: text("Branch, if not the default one"),
      folder: text("Folder in the repository"),
      gpg_key: { type: "object", description: "email, private_key and passphrase to sign with" },
      is_github_app: toggle("Log in by a GitHub app", false),
    },
  ],
  github: ["An account of GitHub", token],
  gitlab: ["An account of GitLab", { ...token, baseUrl: text("Address, if not gitlab.com") }],
  stripe: ["An account of Stripe", { token: neededSecret("Secret key") }],
  notion: ["An integration of Notion", token],
  airtable: ["An account of Airtable", { apiKey: neededSecret("Personal access token") }],
  linear: ["An account of Linear", token],
  jira: [
    "A Jira site",
    { domain: needed("Host"), username: needed("Address of the user"), password: neededSecret("API token") },
  ],
  kafka: [
    "A Kafka cluster",
    {
      brokers: { type: "array", description: "Hosts and ports", items: { type: "string" }, required: true },
      security: {
        type: "object",
        description: "label PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL, and its credentials",
      },
    },
  ],
  nats: [
    "A NATS server",
    {
      servers: { type: "array", description: "Addresses", items: { type: "string" }, required: true },
      require_tls: toggle("Encrypt the connection", false),
      auth: { type: "object", description: "label NO_AUTH, TOKEN, USER_PASSWORD… and its credentials" },
    },
  ],
  mqtt: [
    "An MQTT broker",
    {
      broker: needed("Host"),
      port: number("Port", 1883),
      credentials: { type: "object", description: "username and password" },
      tls: { type: "object", description: "enabled, ca_certificate, pkcs12_client_certificate and its password" },
    },
  ],
  amqp: ["An AMQP broker, such as RabbitMQ", { uri: neededSecret("Address, as amqp://user:password@host:port/vhost") }],
};

function schemaOf(fields: Readonly<Record<string, Field>>): string {
  const properties = Object.entries(fields).map(([name, field]) => [name, { ...field, required: undefined }]);
  const required = Object.entries(fields).flatMap(([name, field]) => (field.required ? [name] : []));
  return JSON.stringify({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: Object.fromEntries(properties),
    required,
  });
}

const named = Object.entries(types).map(([name, [description, fields]]): BuiltInType => ({
  name,
  description,
  schema: schemaOf(fields),
}));

export const builtInTypes: readonly BuiltInType[] = [
  ...named,
  { name: "state", description: "State that a script keeps between its runs", schema: "{}" },
  { name: "cache", description: "A result that is kept for a while", schema: "{}" },
];
