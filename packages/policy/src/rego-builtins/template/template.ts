// strings.render_template: a template of Go's text/template over an object.
import { anyType, type Builtin, objectOf, stringType } from "../../rego/index.ts";
import { define } from "../call.ts";
import { executeTemplate } from "./execute.ts";
import { parseTemplate, TemplateError } from "./parse.ts";

/** The functions of this file. */
export const templates: readonly Builtin[] = [
  define("strings.render_template", [stringType, objectOf(stringType, anyType)], stringType, (call) => {
    const source = call.string(1);
    call.text(4 * source.length);
    call.step(source.length >> 1);
    const { budget } = call.context;
    try {
      const text = executeTemplate(parseTemplate(source), call.object(2), {
        step: (count) => call.step(count),
        enter: () => budget.enter(),
        leave: () => budget.leave(),
        text: (length) => call.text(length),
      });
      return text.replaceAll("<no value>", "<undefined>");
    } catch (error) {
      if (error instanceof TemplateError) throw call.fail(error.message, error);
      throw error;
    }
  }),
];
