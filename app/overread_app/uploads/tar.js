// Several files as one tar archive (POSIX.1-2001, "pax"), which refers to the files: they are read as they are sent.

const BLOCK = 512;
const LARGEST = 8 ** 11; // what the header's field for the size does not hold
const encoder = new TextEncoder();

// files: [{path, file}], with / between the names of folders.
function tarOf(files) {
  const parts = files.flatMap(({ path, file }) => {
    const isLarge = file.size >= LARGEST;
    const told = [record("path", path), ...(isLarge ? [record("size", file.size)] : [])].flatMap((each) => [...each]);
    return [
      tarHeader("pax", told.length, "x"),
      Uint8Array.from(told),
      padding(told.length),
      tarHeader("file", isLarge ? 0 : file.size, "0"), // its name and size are those told before
      file,
      padding(file.size),
    ];
  });
  return new Blob([...parts, new Uint8Array(2 * BLOCK)]);
}

// An attribute: its own length in bytes, name and value.
function record(name, value) {
  const rest = encoder.encode(` ${name}=${value}\n`);
  let length = rest.length;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return Uint8Array.from([...encoder.encode(String(length)), ...rest]);
}

function tarHeader(name, size, type) {
  const block = new Uint8Array(BLOCK);
  const write = (at, text) => block.set(encoder.encode(text), at);
  const octal = (number, digits) => number.toString(8).padStart(digits, "0");
  write(0, name);
  write(100, `${octal(0o600, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0${octal(size, 11)}\0${octal(0, 11)}\0`);
  write(148, " ".repeat(8)); // the checksum is made with itself as spaces
  write(156, type);
  write(257, "ustar\0" + "00");
  write(148, `${octal(block.reduce((sum, byte) => sum + byte, 0), 6)}\0 `);
  return block;
}

function padding(size) {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}
