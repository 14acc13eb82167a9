// The public surface of the room `settings`.
export { issuerTypes } from "./authority-description.ts";
export {
  type DataDirectoryLayout,
  type DataDirectoryState,
  dataDirectoryLayout,
  dataDirectoryVersion,
  type InitialiseOptions,
  initialiseDataDirectory,
  inspectDataDirectory,
  openDataDirectory,
} from "./data-directory.ts";
export { settingsError, settingsErrors } from "./errors.ts";
export { findFreePorts } from "./ports.ts";
export { encodeSettingsText, settingsSchema } from "./render.ts";
export { type ServiceName, serviceNames } from "./service-description.ts";
export {
  type AdmissionSettings,
  type IssuerSettings,
  parseSettings,
  type ServiceSettings,
  type Settings,
  type TlsSettings,
  type UpstreamSettings,
  type UserSettings,
} from "./settings.ts";
