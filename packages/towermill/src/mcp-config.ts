import { configClients, configText, type ConfigClient } from "@towermill/mcp";
import { SettingError, type Settings } from "./setting.ts";

export interface McpConfigOptions {
  client: string | undefined;
  workspace: string | undefined;
  token: string | undefined;
  url: string | undefined;
}

/**
 * What a client's configuration needs to use this instance. @throws SettingError naming the option that is wrong
 */
export function mcpConfig({ client = "json", workspace, token, url }: McpConfigOptions, settings: Settings): string {
  if (!(configClients as readonly string[]).includes(client)) {
    throw new SettingError(`--client: ${client} is not known; known are ${configClients.join(", ")}`);
  }
  const baseUrl = url ?? settings.BASE_URL ?? `http://localhost:${settings.PORT}`;
  if (!URL.canParse(baseUrl)) throw new SettingError(`--url: ${baseUrl} is no address`);
  try {
    return configText({
      client: client as ConfigClient,
      baseUrl,
      workspace: workspace ?? null,
      ...(token === undefined ? {} : { token }),
    });
  } catch (error) {
    throw new SettingError(error instanceof Error ? error.message : String(error));
  }
}
