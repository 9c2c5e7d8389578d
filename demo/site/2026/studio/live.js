// A page that a browser fills in. Whoever reads it without one finds nothing: that is its purpose here.
const heading = document.createElement("h1");
heading.textContent = "The Live Buoy Map";
const text = document.createElement("p");
text.textContent = "Forty buoys, live, on one map. Come and watch them drift.";
document.getElementById("app").append(heading, text);
