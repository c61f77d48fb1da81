// What a tab remembers: sessionStorage, which outlives a reload and not the tab.
export default function ({ data, setStateValue }) {
  if (data.value) sessionStorage.setItem(data.slot, JSON.stringify(data.value));
  else if (sessionStorage.getItem(data.slot)) setStateValue("recalled", JSON.parse(sessionStorage.getItem(data.slot)));
}
