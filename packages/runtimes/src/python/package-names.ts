/** Modules whose package on PyPI has another name. A package missing here is asked for by the module's own name. */
const packageOfModule: Record<string, string> = {
  attr: "attrs",
  Bio: "biopython",
  boto: "boto",
  box: "python-box",
  bs4: "beautifulsoup4",
  bson: "pymongo",
  cairosvg: "CairoSVG",
  Crypto: "pycryptodome",
  Cryptodome: "pycryptodomex",
  confluent_kafka: "confluent-kafka",
  cv2: "opencv-python-headless",
  dateutil: "python-dateutil",
  discord: "discord.py",
  dns: "dnspython",
  docx: "python-docx",
  dotenv: "python-dotenv",
  fitz: "PyMuPDF",
  flask_cors: "Flask-Cors",
  git: "GitPython",
  github: "PyGithub",
  gitlab: "python-gitlab",
  googleapiclient: "google-api-python-client",
  google_auth_oauthlib: "google-auth-oauthlib",
  gridfs: "pymongo",
  grpc: "grpcio",
  haystack: "haystack-ai",
  hubspot: "hubspot-api-client",
  intuitlib: "intuit-oauth",
  jose: "python-jose",
  jwt: "PyJWT",
  kafka: "kafka-python",
  ldap: "python-ldap",
  lxml: "lxml",
  magic: "python-magic",
  markdown: "Markdown",
  mysql: "mysql-connector-python",
  MySQLdb: "mysqlclient",
  nacl: "PyNaCl",
  OpenSSL: "pyOpenSSL",
  oracledb: "oracledb",
  pdfminer: "pdfminer.six",
  PIL: "pillow",
  pkg_resources: "setuptools",
  pptx: "python-pptx",
  psycopg2: "psycopg2-binary",
  psycopg: "psycopg[binary]",
  pymysql: "PyMySQL",
  pythoncom: "pywin32",
  pytz: "pytz",
  redis: "redis",
  ruamel: "ruamel.yaml",
  sentry_sdk: "sentry-sdk",
  serial: "pyserial",
  shopify: "ShopifyAPI",
  skimage: "scikit-image",
  sklearn: "scikit-learn",
  slack: "slackclient",
  slack_sdk: "slack-sdk",
  slugify: "python-slugify",
  socks: "PySocks",
  sqlalchemy: "SQLAlchemy",
  telegram: "python-telegram-bot",
  usb: "pyusb",
  websocket: "websocket-client",
  wx: "wxPython",
  xmlsec: "xmlsec",
  yaml: "PyYAML",
  zmq: "pyzmq",
};

/** Namespace packages, where the second name of a module decides. */
const packageOfNamespace: Record<string, string> = {
  "google.auth": "google-auth",
  "google.oauth2": "google-auth",
  "google.protobuf": "protobuf",
  "google.api_core": "google-api-core",
  "google.genai": "google-genai",
  "google.generativeai": "google-generativeai",
  "google.ads": "google-ads",
  "google.analytics": "google-analytics-data",
  "azure.identity": "azure-identity",
  "azure.core": "azure-core",
};

/** Namespaces whose packages are named by joining the module's parts with dashes, and how many parts count. */
const dashedNamespaces: Record<string, number> = { "google.cloud": 3, azure: 3, opentelemetry: 0 };

/**
 * Packages that provide an imported module: `["PyYAML"]` for `yaml`, `["google-cloud-storage"]` for `google.cloud`
 * with the name `storage` taken from it.
 */
export function packagesOfImport(module: string, names: readonly string[]): string[] {
  const parts = module.split(".");
  const [root = "", second] = parts;
  const known = second === undefined ? undefined : packageOfNamespace[`${root}.${second}`];
  if (known !== undefined) return [known];
  if (root === "opentelemetry") return ["opentelemetry-sdk"];
  for (const [namespace, length] of Object.entries(dashedNamespaces)) {
    if (module !== namespace && !module.startsWith(`${namespace}.`)) continue;
    if (parts.length >= length || names.length === 0) return [dashed(parts.slice(0, length))];
    return names.map((name) => dashed([...parts, name].slice(0, length)));
  }
  if (root === "google")
    return names.length === 0
      ? ["google-api-core"]
      : names.flatMap((name) => packageOfNamespace[`google.${name}`] ?? []);
  return [Object.hasOwn(packageOfModule, root) ? (packageOfModule[root] ?? root) : root];
}

function dashed(parts: readonly string[]): string {
  return parts.join("-").replaceAll("_", "-");
}

/** A package's name as indexes compare it (https://packaging.python.org/en/latest/specifications/name-normalization/). */
export function normalizeName(name: string): string {
  return name.replace(/[-_.]+/g, "-").toLowerCase();
}
