// The universal globals that this room uses: present in every JavaScript runtime, absent from the ES2023 library.
declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
}
declare class TextDecoder {
  constructor(label: "utf-8", options: { fatal: boolean; ignoreBOM: boolean });
  decode(bytes: Uint8Array): string;
}
interface String {
  /** ES2024: true when the string holds no lone surrogate. */
  isWellFormed(): boolean;
  /** ES2024: the string with each lone surrogate replaced by U+FFFD. */
  toWellFormed(): string;
}
