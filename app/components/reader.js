// The tab's memory of who is reading. sessionStorage: it outlives a reload and not the tab.
const NAME = "overread.reader";

export default function ({ data, setTriggerValue }) {
  if (data.name) sessionStorage.setItem(NAME, data.name);
  else if (sessionStorage.getItem(NAME)) setTriggerValue("recalled", sessionStorage.getItem(NAME));
}
