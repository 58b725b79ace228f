export { imports, importStatements, inferSchema, parameterNames, parseSignature } from "./inference.ts";
export type { InferredSchema, Script } from "./inference.ts";
export { schemaOf, emptySchema } from "./schema.ts";
export type { Schema } from "./schema.ts";
export type { Property } from "./property.ts";
export type {
  Argument,
  Import,
  InvalidSignature,
  Parameter,
  ParameterKind,
  Signature,
  ValidSignature,
} from "./signature.ts";
export type { Json, Typ, TypProperty, TypVariant } from "./typ.ts";
export { sqlInterpolations, type SqlInterpolation } from "./postgresql/interpolation.ts";
export { postgresqlParameters, type SqlParameter } from "./postgresql/parameter.ts";
