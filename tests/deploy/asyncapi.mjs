// An AsyncAPI document as the official parser reads it, every reference followed: `asyncapi.mjs FILE`. Schemas are JSON Schema 2020-12, which
// the parser leaves to others: to ajv here, examples included. Prints what there is as JSON; exit code 1 with every mistake.
import { createHash } from "node:crypto";
import { fromFile, Parser } from "@asyncapi/parser";
import Ajv2020 from "ajv/dist/2020.js";
import formats from "ajv-formats";

const FORMAT = "application/schema+json;version=2020-12";

/** A validator of a schema. The same parts come up again and again after references are followed, so identifiers are left out. */
function compiled(schema) {
  const ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: true });
  formats(ajv);
  return ajv.compile(JSON.parse(JSON.stringify(schema, (key, value) => (key === "$id" ? undefined : value))));
}

const schemas = {
  getMimeTypes: () => [FORMAT],
  parse: ({ data }) => data,
  validate: ({ data, path }) => {
    try {
      compiled(data);
      return [];
    } catch (error) {
      return [{ message: error.message, path }];
    }
  },
};

const parser = new Parser();
parser.registerSchemaParser(schemas);
const { document, diagnostics } = await fromFile(parser, process.argv[2]).parse();
const mistakes = diagnostics
  .filter(({ severity }) => severity <= 1)
  .map(({ message, path }) => `${path.join(".")}: ${message}`);
const found = { channels: {}, operations: [], examples: 0, messages: [] };
for (const channel of document?.channels().all() ?? []) {
  const messages = channel.messages().all();
  found.channels[channel.address()] = {
    messages: messages.map((message) => message.name()),
    kafka: channel.bindings().get("kafka")?.value(),
  };
  for (const message of messages) {
    const key = message.bindings().get("kafka")?.value()?.key;
    found.messages.push({ channel: channel.address(), name: message.name(), key: key?.pattern ?? key?.const });
    const payload = message.json().payload?.schema;
    if (!payload) continue;
    const accepts = compiled(payload);
    for (const example of message.examples().all()) {
      found.examples += 1;
      if (!accepts(example.payload())) {
        mistakes.push(`${message.name()}: example ${example.name()}: ${JSON.stringify(accepts.errors)}`);
      }
    }
    if (accepts({ surprise: createHash("sha256").digest("hex") })) mistakes.push(`${message.name()}: its schema refuses nothing`);
  }
}
for (const operation of document?.operations().all() ?? []) {
  for (const channel of operation.channels().all()) {
    const [role] = operation.tags().all().map((tag) => tag.name());
    const group = operation.bindings().get("kafka")?.value()?.groupId?.const;
    found.operations.push({ role, action: operation.action(), channel: channel.address(), group });
  }
}
console.log(mistakes.length > 0 ? mistakes.join("\n") : JSON.stringify(found));
process.exitCode = mistakes.length > 0 ? 1 : 0;
