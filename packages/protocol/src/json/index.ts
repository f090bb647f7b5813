export { methodShapes } from '../generated/message-shapes.ts';
export { fromJson } from './from-json.ts';
export { gatewayRoutes } from './gateway-routes.ts';
export { JsonFormatError } from './json-format-error.ts';
export { type JsonValue, parseJson } from './parse-json.ts';
export { type JsonObject, toJson } from './to-json.ts';
