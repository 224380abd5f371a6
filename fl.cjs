const {spawn,spawnSync}=require("node:child_process");const fs=require("fs");
const c=spawn("/bin/sh",["-c","cat >/tmp/vx/got; date +%s.%N >/tmp/vx/when"],{stdio:["pipe","pipe","pipe"]});
setTimeout(()=>{c.stdin.end("x".repeat(+process.argv[2]||100));
const b=Date.now()/1000;spawnSync("/bin/sleep",["1"]);
console.log("asked",b,"got",fs.statSync("/tmp/vx/got").size,"when",fs.existsSync("/tmp/vx/when")&&fs.readFileSync("/tmp/vx/when","utf8"));c.on("close",()=>console.log("closed"))},50);
