const {spawn,spawnSync}=require("node:child_process");const fs=require("fs");
const how=process.argv[2];
const c=spawn("/bin/sh",["-c","cat >/tmp/vx/got; date +%s.%N >/tmp/vx/when"],{stdio:["pipe","pipe","pipe"]});
setTimeout(async()=>{const t=Date.now();c.stdin.end("x".repeat(100));
if(how==="tick")await null;if(how==="next")await new Promise(r=>process.nextTick(r));if(how==="imm")await new Promise(r=>setImmediate(r));if(how==="cb"){await new Promise(r=>c.stdin.on("finish",r))}
const b=Date.now()/1000;const u=performance.now();spawnSync("/bin/sleep",["0.5"]);
console.log(how,"got",fs.statSync("/tmp/vx/got").size,"when",fs.existsSync("/tmp/vx/when"));process.exit()},50);
