const { spawnSync } = require("child_process");
process.exit(spawnSync(process.env.STANDIN_RUN, ["cache", "after"], { stdio: "inherit" }).status);
