// Has the page drawn again when its theme has changed, since the server chooses the colours of the charts.
export default function ({ data, setTriggerValue }) {
  const app = document.querySelector(".stApp");
  let told = data.theme;
  const tell = () => {
    const { colorScheme } = getComputedStyle(app);
    if (colorScheme === told) return;
    told = colorScheme;
    setTriggerValue("changed", told);
  };
  const observer = new MutationObserver(tell);
  observer.observe(app, { attributes: true, attributeFilter: ["class"] });
  return () => observer.disconnect();
}
