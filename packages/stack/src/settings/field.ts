// The form in which settings are described.

/** One setting, or a section or list of them. */
export type Field = TextField | IntegerField | SwitchField | TextsField | SectionField | ListField;

/** A string; without `default` it may be left out unless it is `required`. */
export interface TextField {
  readonly kind: "text";
  readonly means: string;
  readonly required?: boolean;
  readonly default?: string;
  readonly choices?: readonly string[];
  readonly pattern?: RegExp;
  /** How the pattern reads in words, for messages. */
  readonly form?: string;
}

/** A whole number within bounds, both inclusive. */
export interface IntegerField {
  readonly kind: "integer";
  readonly means: string;
  readonly default: number;
  readonly minimum: number;
  readonly maximum: number;
}

/** True or false. */
export interface SwitchField {
  readonly kind: "switch";
  readonly means: string;
  readonly default: boolean;
}

/** A list of strings, or of integers where `integers` is set. */
export interface TextsField {
  readonly kind: "texts";
  readonly means: string;
  readonly default: readonly (string | number)[];
  readonly integers?: { readonly minimum: number; readonly maximum: number };
  readonly pattern?: RegExp;
  readonly form?: string;
}

/** A mapping with the named fields; one that is `optional` may be absent as a whole. */
export interface SectionField {
  readonly kind: "section";
  readonly means: string;
  readonly optional?: boolean;
  readonly fields: Readonly<Record<string, Field>>;
}

/** A list of sections, empty by default. */
export interface ListField {
  readonly kind: "list";
  readonly means: string;
  readonly item: SectionField;
  readonly maximum: number;
}
