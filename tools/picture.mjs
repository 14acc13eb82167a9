// The picture of packages and rooms in ARCHITECTURE.md, drawn from the table: what stands higher imports what stands lower.

const BEGIN = "<!-- rooms:begin -->";
const END = "<!-- rooms:end -->";
const WIDTH = 100;

/** The picture as text: a box a package, the packages that others need at the bottom; in a box the rooms by layer. */
export function drawRooms(layout) {
  const live = [...layout.rooms.values()].filter((room) => layout.exists(room));
  const boxes = orderPackages(live).map((folder) =>
    box(
      folder,
      layout,
      live.filter((room) => room.folder === folder),
    ),
  );
  return [
    "```text",
    ...boxes.flat(),
    "```",
    "",
    "○ pure: no I/O, no clock, no randomness, no global state. A room imports rooms of lower lines and lower boxes only.",
  ].join("\n");
}

/** `text` with the picture between its markers, or undefined when it has no markers. */
export function placePicture(text, picture) {
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END);
  if (from < 0 || to < from) return undefined;
  return `${text.slice(0, from + BEGIN.length)}\n\n${picture}\n\n${text.slice(to)}`;
}

/** Packages with a room in them, the one that imports most first. */
function orderPackages(live) {
  const folders = [...new Set(live.map((room) => room.folder))];
  const needs = (folder) =>
    new Set(live.filter((room) => room.folder === folder).flatMap((room) => [...room.reach].map((id) => id.split("/")[0])));
  return folders.sort((a, b) => Number(needs(a).has(b) ? -1 : needs(b).has(a) ? 1 : 0) || needs(b).size - needs(a).size);
}

function box(folder, layout, rooms) {
  const layers = new Map();
  for (const room of rooms) {
    const layer = layerOf(layout, room, rooms);
    layers.set(layer, [...(layers.get(layer) ?? []), room.pure ? `${room.name} ○` : room.name]);
  }
  const lines = [...layers.keys()].sort((a, b) => b - a).flatMap((layer) => wrap(layers.get(layer), WIDTH - 4));
  const title = `─ ${folder} (${layout.packages[folder].package}) `;
  return [
    `┌${title}${"─".repeat(WIDTH - 2 - title.length)}┐`,
    ...lines.map((line) => `│ ${line.padEnd(WIDTH - 4)} │`),
    `└${"─".repeat(WIDTH - 2)}┘`,
  ];
}

function layerOf(layout, room, rooms) {
  const below = rooms.filter((other) => room.reach.has(other.id));
  return below.length === 0 ? 0 : 1 + Math.max(...below.map((other) => layerOf(layout, other, rooms)));
}

function wrap(names, width) {
  const lines = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 3 + name.length <= width) lines[lines.length - 1] = `${last}   ${name}`;
    else lines.push(name);
  }
  return lines;
}
