/** What a listing must hand on as it is (SEP-1613, SEP-2106); as text, because it has a member `then`. */
export const richSchema = JSON.parse(`{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "$defs": {
    "address": {
      "$anchor": "addressDef",
      "type": "object",
      "properties": {
        "street": {
          "type": "string"
        },
        "city": {
          "type": "string"
        }
      }
    }
  },
  "properties": {
    "name": {
      "type": "string"
    },
    "address": {
      "$ref": "#/$defs/address"
    },
    "contactMethod": {
      "type": "string",
      "enum": [
        "phone",
        "email"
      ]
    },
    "phone": {
      "type": "string"
    },
    "email": {
      "type": "string"
    }
  },
  "allOf": [
    {
      "anyOf": [
        {
          "required": [
            "phone"
          ]
        },
        {
          "required": [
            "email"
          ]
        }
      ]
    }
  ],
  "if": {
    "properties": {
      "contactMethod": {
        "const": "phone"
      }
    },
    "required": [
      "contactMethod"
    ]
  },
  "then": {
    "required": [
      "phone"
    ]
  },
  "else": {
    "required": [
      "email"
    ]
  },
  "additionalProperties": false
}`) as { type: "object" };

/** The forms of SEP-1034 (defaults) and SEP-1330 (choices), as the suite words them. */
export const forms = {
  defaults: {
    type: "object" as const,
    properties: {
      name: { type: "string" as const, default: "John Doe" },
      age: { type: "integer" as const, default: 30 },
      score: { type: "number" as const, default: 95.5 },
      status: { type: "string" as const, enum: ["active", "inactive", "pending"], default: "active" },
      verified: { type: "boolean" as const, default: true },
    },
  },
  choices: {
    type: "object" as const,
    properties: {
      untitledSingle: { type: "string" as const, enum: ["option1", "option2", "option3"] },
      titledSingle: {
        type: "string" as const,
        oneOf: [
          { const: "value1", title: "First Option" },
          { const: "value2", title: "Second Option" },
          { const: "value3", title: "Third Option" },
        ],
      },
      legacyEnum: {
        type: "string" as const,
        enum: ["opt1", "opt2", "opt3"],
        enumNames: ["Option One", "Option Two", "Option Three"],
      },
      untitledMulti: {
        type: "array" as const,
        items: { type: "string" as const, enum: ["option1", "option2", "option3"] },
      },
      titledMulti: {
        type: "array" as const,
        items: {
          anyOf: [
            { const: "value1", title: "First Choice" },
            { const: "value2", title: "Second Choice" },
            { const: "value3", title: "Third Choice" },
          ],
        },
      },
    },
  },
};
