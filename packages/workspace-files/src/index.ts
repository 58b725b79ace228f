export type { Entry } from "./entry.ts";
export { scriptExtension, type DefaultTypeScript } from "./extension.ts";
export {
  appEntry,
  flowEntry,
  nativeTriggerEntry,
  resourceEntry,
  resourceTypeEntry,
  scheduleEntry,
  triggerEntry,
  variableEntry,
  type AppItem,
  type FlowItem,
  type NativeTriggerItem,
  type ResourceItem,
  type ResourceTypeItem,
  type ScheduleItem,
  type TriggerItem,
  type VariableItem,
} from "./items.ts";
export { scriptEntries, type ScriptItem } from "./script.ts";
export {
  datatableMigrationEntries,
  dependenciesEntry,
  encryptionKeyEntry,
  folderEntry,
  groupEntry,
  memberEntry,
  settingsEntry,
  type DatatableMigrationItem,
  type FolderItem,
  type GroupItem,
  type MemberItem,
} from "./workspace.ts";
