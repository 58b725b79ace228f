import { setTimeout as pause } from "node:timers/promises";
import {
  inputRequired,
  inputResponse,
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ResourceNotFoundError,
  type Server,
  type ServerContext,
} from "@modelcontextprotocol/server";
import type { McpOptions } from "@towermill/mcp";
import { forms, richSchema } from "./mcp-fixture-schemas.ts";
import { taskKeeper, taskTools } from "./mcp-task-fixtures.ts";

/**
 * What the official conformance suite asks a server for besides the protocol: tools, prompts and resources of given
 * names and contents. They replace the workspace's behind the same gate, handler, streams and seal.
 */

type Parts = Parameters<NonNullable<McpOptions["extend"]>>[1];

interface Asked {
  args: Record<string, unknown>;
  ctx: ServerContext;
  parts: Parts;
  server: Server;
}

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const wav = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

const text = (value: string) => ({ type: "text" as const, text: value });
const said = (value: string) => ({ content: [text(value)] });

const nameSchema = { type: "object" as const, properties: { name: { type: "string" as const } }, required: ["name"] };
const askName = (message = "What is your name?") => inputRequired.elicit({ message, requestedSchema: nameSchema });
const user = (value: string) => [{ role: "user" as const, content: text(value) }];

/** The answer to a question of an earlier round, or null. */
function answered({ ctx }: Asked, key: string): Record<string, unknown> | null {
  const view = inputResponse(ctx.mcpReq.inputResponses, key);
  if (view.kind === "elicit") return view.action === "accept" && view.content ? view.content : null;
  if (view.kind === "sampling") return { sampling: view.result };
  return view.kind === "roots" ? { roots: view.roots } : null;
}

function stateOf({ ctx }: Asked): string | undefined {
  return ctx.mcpReq.requestState<{ digest: string }>()?.digest;
}

const seal = ({ parts, ctx }: Asked, digest: string): Promise<string> => parts.seal.mint({ digest }, ctx);

async function confirm(asked: Asked, done: string) {
  if (answered(asked, "confirm") && stateOf(asked) === "confirm") return said(done);
  const requestedSchema = {
    type: "object" as const,
    properties: { ok: { type: "boolean" as const } },
    required: ["ok"],
  };
  return inputRequired({
    inputRequests: { confirm: inputRequired.elicit({ message: "Please confirm", requestedSchema }) },
    requestState: await seal(asked, "confirm"),
  });
}

async function manyInputs(asked: Asked) {
  const keys = ["user_name", "greeting", "client_roots"];
  if (keys.every((key) => answered(asked, key))) return said("All inputs received");
  return inputRequired({
    inputRequests: {
      user_name: askName(),
      greeting: inputRequired.createMessage({ messages: user("Generate a greeting"), maxTokens: 50 }),
      client_roots: inputRequired.listRoots(),
    },
    requestState: await seal(asked, "many"),
  });
}

async function rounds(asked: Asked) {
  if (stateOf(asked) === "round-2" && answered(asked, "step2")) return said("Both steps done");
  if (stateOf(asked) === "round-1" && answered(asked, "step1")) {
    const requestedSchema = {
      type: "object" as const,
      properties: { color: { type: "string" as const } },
      required: ["color"],
    };
    return inputRequired({
      inputRequests: {
        step2: inputRequired.elicit({ message: "Step 2: What is your favorite color?", requestedSchema }),
      },
      requestState: await seal(asked, "round-2"),
    });
  }
  return inputRequired({
    inputRequests: { step1: askName("Step 1: What is your name?") },
    requestState: await seal(asked, "round-1"),
  });
}

function onlyDeclared(asked: Asked) {
  const declared = asked.server.getClientCapabilities() ?? {};
  return inputRequired({
    inputRequests: {
      ...(declared.elicitation ? { user_name: askName() } : {}),
      ...(declared.sampling
        ? { greeting: inputRequired.createMessage({ messages: user("Generate a greeting"), maxTokens: 50 }) }
        : {}),
    },
  });
}

async function withProgress({ ctx }: Asked) {
  const progressToken = ctx.mcpReq._meta?.progressToken;
  for (const progress of [0, 50, 100]) {
    if (progressToken !== undefined)
      await ctx.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, total: 100 } });
    await pause(50);
  }
  return said("done");
}

async function withLogging({ ctx }: Asked) {
  for (const line of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
    await ctx.mcpReq.log("info", line);
    await pause(50);
  }
  return said("logged");
}

const mixed = {
  uri: "test://mixed-content-resource",
  mimeType: "application/json",
  text: '{"test":"data","value":123}',
};
const embedded = {
  uri: "test://embedded-resource",
  mimeType: "text/plain",
  text: "This is an embedded resource content.",
};

const tools: Record<string, (asked: Asked) => unknown> = {
  test_simple_text: () => said("This is a simple text response for testing."),
  test_image_content: () => ({ content: [{ type: "image", data: png, mimeType: "image/png" }] }),
  test_audio_content: () => ({ content: [{ type: "audio", data: wav, mimeType: "audio/wav" }] }),
  test_embedded_resource: () => ({ content: [{ type: "resource", resource: embedded }] }),
  test_multiple_content_types: () => ({
    content: [
      text("Multiple content types test:"),
      { type: "image", data: png, mimeType: "image/png" },
      { type: "resource", resource: mixed },
    ],
  }),
  test_error_handling: () => ({ ...said("This tool intentionally returns an error for testing"), isError: true }),
  test_tool_with_progress: withProgress,
  test_tool_with_logging: withLogging,
  test_logging_tool: () => said("quiet"),
  json_schema_2020_12_tool: ({ args }) => said(JSON.stringify(args)),
  test_missing_capability: ({ server }) => {
    if (!server.getClientCapabilities()?.sampling)
      throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { sampling: {} } });
    return said("sampling is declared");
  },
  test_streaming_elicitation: (asked) =>
    answered(asked, "user_name") ? said("thanks") : inputRequired({ inputRequests: { user_name: askName() } }),
  test_trigger_tool_change: ({ parts }) => {
    parts.host.bus.publish("changed", ["script:w:u/alice/triggered"]);
    return said("triggered");
  },
  test_trigger_prompt_change: () => said("prompts never change"),
  test_input_required_result_elicitation: (asked) => {
    const name = answered(asked, "user_name")?.["name"];
    return typeof name === "string"
      ? said(`Hello, ${name}!`)
      : inputRequired({ inputRequests: { user_name: askName() } });
  },
  test_input_required_result_sampling: (asked) => {
    const answer = answered(asked, "capital_question");
    if (answer) return said(JSON.stringify(answer));
    return inputRequired({
      inputRequests: {
        capital_question: inputRequired.createMessage({
          messages: user("What is the capital of France?"),
          maxTokens: 100,
        }),
      },
    });
  },
  test_input_required_result_list_roots: (asked) => {
    const roots = answered(asked, "client_roots");
    return roots
      ? said(JSON.stringify(roots))
      : inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
  },
  test_input_required_result_request_state: (asked) => confirm(asked, "state-ok"),
  test_input_required_result_tampered_state: (asked) => confirm(asked, "state-ok"),
  test_input_required_result_multiple_inputs: manyInputs,
  test_input_required_result_multi_round: rounds,
  test_input_required_result_capabilities: onlyDeclared,
};

/** A tool of the 2025 suite: it puts a form to the client's user and says what came back. */
const fill =
  (requestedSchema: (typeof forms)[keyof typeof forms]) =>
  (asked: Asked): unknown => {
    const view = inputResponse(asked.ctx.mcpReq.inputResponses, "form");
    if (view.kind === "elicit")
      return said(`Elicitation completed: action=${view.action}, content=${JSON.stringify(view.content ?? {})}`);
    return inputRequired({
      inputRequests: { form: inputRequired.elicit({ message: "Please fill in", requestedSchema }) },
    });
  };

const askedTools: Record<string, (asked: Asked) => unknown> = {
  test_sampling: (asked) => {
    const answer = answered(asked, "prompt")?.["sampling"];
    if (answer) return said(`LLM response: ${JSON.stringify(answer)}`);
    return inputRequired({
      inputRequests: {
        prompt: inputRequired.createMessage({
          messages: user(String(asked.args["prompt"] ?? "Say hello")),
          maxTokens: 100,
        }),
      },
    });
  },
  test_elicitation: (asked) => {
    const view = inputResponse(asked.ctx.mcpReq.inputResponses, "user_name");
    if (view.kind === "elicit")
      return said(`User response: action=${view.action}, content=${JSON.stringify(view.content ?? {})}`);
    return inputRequired({ inputRequests: { user_name: askName(String(asked.args["message"] ?? "Your name?")) } });
  },
  test_elicitation_sep1034_defaults: fill(forms.defaults),
  test_elicitation_sep1330_enums: fill(forms.choices),
};

type Say = (args: Record<string, string>, asked: Asked) => unknown;
const message = (content: object) => ({ role: "user", content });

const prompts: Record<string, { arguments: string[]; get: Say }> = {
  test_simple_prompt: {
    arguments: [],
    get: () => ({ messages: [message(text("This is a simple prompt for testing."))] }),
  },
  test_prompt_with_arguments: {
    arguments: ["arg1", "arg2"],
    get: ({ arg1 = "", arg2 = "" }) => ({
      messages: [message(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
    }),
  },
  test_prompt_with_embedded_resource: {
    arguments: ["resourceUri"],
    get: ({ resourceUri: uri }) => ({
      messages: [
        message({
          type: "resource",
          resource: { uri, mimeType: "text/plain", text: "Embedded resource content for testing." },
        }),
        message(text("Please process the embedded resource above.")),
      ],
    }),
  },
  test_prompt_with_image: {
    arguments: [],
    get: () => ({
      messages: [
        message({ type: "image", data: png, mimeType: "image/png" }),
        message(text("Please analyze the image above.")),
      ],
    }),
  },
  test_input_required_result_prompt: {
    arguments: [],
    get: (_, asked) => {
      const context = answered(asked, "user_context")?.["context"];
      if (typeof context === "string") return { messages: [message(text(`Use this context: ${context}`))] };
      const requestedSchema = {
        type: "object" as const,
        properties: { context: { type: "string" as const } },
        required: ["context"],
      };
      return inputRequired({
        inputRequests: {
          user_context: inputRequired.elicit({ message: "What context should the prompt use?", requestedSchema }),
        },
      });
    },
  },
};

const resources: Record<string, { mimeType: string; text?: string; blob?: string }> = {
  "test://static-text": { mimeType: "text/plain", text: "This is the content of the static text resource." },
  "test://static-binary": { mimeType: "image/png", blob: png },
  "test://watched-resource": { mimeType: "text/plain", text: "watched" },
  "test://example-resource": { mimeType: "text/plain", text: "example" },
};

function read(uri: string) {
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
  if (id)
    return {
      contents: [
        {
          uri,
          mimeType: "application/json",
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
        },
      ],
    };
  const found = resources[uri];
  if (!found) throw new ResourceNotFoundError(uri);
  return { contents: [{ uri, ...found }] };
}

function serveTools(server: Server, parts: Parts): void {
  const all = { ...tools, ...askedTools, ...taskTools };
  const shown = Object.keys(all).map((name) => ({
    name,
    description: `What the conformance suite expects of ${name}`,
    inputSchema: name === "json_schema_2020_12_tool" ? richSchema : { type: "object" as const, properties: {} },
  }));
  server.setRequestHandler("tools/list", async () => ({ tools: shown }));
  server.setRequestHandler("tools/call", async ({ params: { name, arguments: args = {} } }, ctx) => {
    const tool = all[name];
    if (!tool) throw new ProtocolError(-32602, `Unknown tool: ${name}`);
    return (await tool({ args, ctx, parts, server })) as never;
  });
}

const extend: NonNullable<McpOptions["extend"]> = (server, parts) => {
  server.registerCapabilities({ logging: {}, resources: { subscribe: true, listChanged: true } });
  serveTools(server, parts);
  const listed = Object.entries(prompts).map(([name, prompt]) => ({
    name,
    description: name,
    arguments: prompt.arguments.map((each) => ({ name: each, required: true })),
  }));
  server.setRequestHandler("prompts/list", async () => ({ prompts: listed }));
  server.setRequestHandler("prompts/get", async ({ params }, ctx) => {
    const prompt = prompts[params.name];
    if (!prompt) throw new ProtocolError(-32602, `Unknown prompt: ${params.name}`);
    return (await prompt.get(params.arguments ?? {}, { args: {}, ctx, parts, server })) as never;
  });
  const files = Object.entries(resources).map(([uri, { mimeType }]) => ({
    uri,
    name: uri,
    description: uri,
    mimeType,
  }));
  server.setRequestHandler("resources/list", async () => ({ resources: files }));
  const template = {
    uriTemplate: "test://template/{id}/data",
    name: "template",
    description: "A template",
    mimeType: "application/json",
  };
  server.setRequestHandler("resources/templates/list", async () => ({ resourceTemplates: [template] }));
  server.setRequestHandler("resources/read", async ({ params }) => read(params.uri) as never);
  for (const method of ["resources/subscribe", "resources/unsubscribe"] as const)
    server.setRequestHandler(method, async () => ({}));
};

/** The suite's own tools, prompts, resources and tasks in place of the workspace's. */
export const fixtures: McpOptions = { extend, tasks: taskKeeper };
