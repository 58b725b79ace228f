export { CipherError } from "./cipher.ts";
export { interpolate, interpolateArguments, type InterpolationContext } from "./interpolate.ts";
export { mayHoldReference } from "./reference.ts";
export { InterpolationError } from "./failure.ts";
export { readResource, readVariable, secretsToHide, type ReadContext } from "./read.ts";
export { listenForSecrets } from "./telling.ts";
export { openVault, type Vault } from "./vault.ts";
export { replaceWorkspaceKey, workspaceKey, type Reseal } from "./workspace-key.ts";
