export { knobNames, parseSettings, type SettingsRequest, type SettingsTree } from './parse-settings';
