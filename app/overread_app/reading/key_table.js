// The key table: what each key of the page does, and its text in the list of keys.

// reading: the one on the page; its viewer has keys of its own, and so have the verdicts' buttons.
function keyTable(reading) {
  const { panel, viewer, drawer, sheet } = reading;
  return [
    ...panel.keys((kind, label) => reading.decide(kind, label)),
    { keys: ["u"], shown: "U", text: say("keys.undo"), run: () => reading.undo() },
    { keys: ["q"], shown: "Q", text: say("keys.later"), run: () => reading.putOff() },
    { keys: ["d"], shown: "D", text: say("keys.decided"), run: () => drawer.toggle() },
    ...viewer.keys,
    { keys: ["?"], shown: "?", text: say("keys.list"), run: () => sheet.toggle() },
  ];
}
