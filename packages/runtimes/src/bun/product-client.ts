import { realpathSync } from "node:fs";
import { packageFolder, packageVersion } from "../cache/npm-program.ts";

const folder = realpathSync(packageFolder("windmill-client") ?? "/");

/** The official TypeScript SDK this product ships; scripts that name no version get it, without any network. */
export const productClient: { name: string; version: string; folder: string } = {
  name: "windmill-client",
  version: packageVersion("windmill-client"),
  folder,
};
