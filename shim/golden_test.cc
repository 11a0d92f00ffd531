// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One full example of every message that a shim of another release sends or reads, in the bytes that it has
// on the wire. A line that fails means that a released number or type has changed, which breaks every pod
// that lives through an upgrade. A new field adds a line with new bytes and leaves the old ones: those must
// be read for ever.
#include "base/testing/golden.h"

#include <gtest/gtest.h>

#include "base/codec.h"
#include "base/error_message.h"
#include "base/frame.h"
#include "shim/plan.h"
#include "shim/protocol.h"
#include "shim/session.h"

namespace davit::shim {
namespace {

TEST(GoldenMessages, Conversation) {
  ExpectBytes(Versions{7, 3}, "08071003");
  ExpectBytes(HelloRequest{{7, 3}, "c1"}, "0a040807100312026331");
  HelloReply reply{{7, 3}, 4242, "s1", true, {{"c1", 300, 1'700'000'000, 1000, 100, {100, 27}}},
                   true,   {},   {}};
  reply.sandbox_failed = "its PID 1 ended";
  reply.unrecorded_exits = {{"c2", 1, 0, false, 1'700'000'000}};
  ExpectBytes(
      reply,
      "0a04080710031092211a02733120012a160a02633110ac021880e2cfaa0620e80728643202641b30013a0f6974732050"
      "4944203120656e64656442100a0263321001180020002880e2cfaa06");
  ExpectBytes(SandboxFailed{"its PID 1 ended"}, "0a0f69747320504944203120656e646564");
  ExpectBytes(StartSandbox{{7, 3}, "plan"}, "0a04080710031204706c616e");
  ExpectBytes(SandboxStarted{{7, 3}}, "0a0408071003");
  ExpectBytes(StartContainer{"c1", 20'000, "plan"}, "0a02633110a09c011a04706c616e");
  ExpectBytes(StartContainer{"c1", 20'000, "plan", Attachment{true, {24, 80}}},
              "0a02633110a09c011a04706c616e22080801120408181050");
  ExpectBytes(ContainerStarted{"c1", 300, 1'700'000'000'000'000'000, 1000, 100, {100, 27, 4'294'967'294}},
              "0a02633110ac02188080a8b1e39fe7cb1720e80728643207641bfeffffff0f");
  ExpectBytes(ExecRequest{"c1", "e1", "plan"}, "0a026331120265311a04706c616e");
  ExpectBytes(ExecRequest{"c1", "e1", "plan", ClientSession{{24, 80}}},
              "0a026331120265311a04706c616e22060a0408181050");
  ExpectBytes(ExecStarted{301}, "08ad02");
  ExpectBytes(AttachRequest{"c1", true}, "0a0263311001");
  ExpectBytes(AttachRequest{"c1", true, true}, "0a02633110011801");
  ExpectBytes(SessionToken{"t1"}, "0a027431");
  ExpectBytes(SessionSignal{15}, "080f");
  ExpectBytes(CloseInput{"c1"}, "0a026331");
  ExpectBytes(ReopenLog{"c1"}, "0a026331");
  ExpectBytes(KillContainer{"c1"}, "0a026331");
  ExpectBytes(ContainerExited{"c1", 137, 9, true, 1'700'000'000'000'000'000},
              "0a02633110890118092001288080a8b1e39fe7cb17");
  ExpectBytes(ExecExited{"e1", -1, 15}, "0a02653110ffffffffffffffffff01180f");
  ExpectBytes(ErrorMessage{5, 2, "open", "/dev/x", "for the container", 2},
              "080510021a046f70656e22062f6465762f782a11666f722074686520636f6e7461696e65723002");
}

TEST(GoldenMessages, NumbersOfRequestsAndEvents) {
  auto number = [](ShimMessage message) { return static_cast<uint32_t>(message); };
  EXPECT_EQ(number(ShimMessage::kFailed), 1u);
  EXPECT_EQ(number(ShimMessage::kHello), 10u);
  EXPECT_EQ(number(ShimMessage::kHelloReply), 11u);
  EXPECT_EQ(number(ShimMessage::kStartSandbox), 12u);
  EXPECT_EQ(number(ShimMessage::kSandboxStarted), 13u);
  EXPECT_EQ(number(ShimMessage::kStartContainer), 20u);
  EXPECT_EQ(number(ShimMessage::kContainerStarted), 21u);
  EXPECT_EQ(number(ShimMessage::kExec), 22u);
  EXPECT_EQ(number(ShimMessage::kExecStarted), 23u);
  EXPECT_EQ(number(ShimMessage::kReopenLog), 24u);
  EXPECT_EQ(number(ShimMessage::kDone), 25u);
  EXPECT_EQ(number(ShimMessage::kKillContainer), 26u);
  EXPECT_EQ(number(ShimMessage::kAttach), 27u);
  EXPECT_EQ(number(ShimMessage::kAttached), 28u);
  EXPECT_EQ(number(ShimMessage::kCloseInput), 29u);
  EXPECT_EQ(number(ShimMessage::kShutdown), 30u);
  EXPECT_EQ(number(ShimMessage::kContainerExited), 40u);
  EXPECT_EQ(number(ShimMessage::kExecExited), 41u);
  EXPECT_EQ(number(ShimMessage::kSandboxFailed), 42u);
  auto session = [](SessionMessage message) { return static_cast<uint32_t>(message); };
  EXPECT_EQ(session(SessionMessage::kToken), 60u);
  EXPECT_EQ(session(SessionMessage::kStreams), 61u);
  EXPECT_EQ(session(SessionMessage::kSignal), 62u);
  EXPECT_EQ(session(SessionMessage::kDetach), 63u);
}

TEST(GoldenMessages, NumbersOfRoles) {
  const std::pair<FdRole, uint32_t> kRoles[] = {
      {FdRole::kRootfs, 2},        {FdRole::kHostMounts, 3},     {FdRole::kLog, 4},
      {FdRole::kSeccomp, 5},       {FdRole::kCgroupProcs, 6},    {FdRole::kCgroupKill, 7},
      {FdRole::kCgroupOom, 8},     {FdRole::kCgroupDir, 9},      {FdRole::kTargetPid, 10},
      {FdRole::kImage, 11},        {FdRole::kCgroupUnified, 12}, {FdRole::kCgroupParentOom, 13},
      {FdRole::kStdin, 20},        {FdRole::kStdout, 21},        {FdRole::kStderr, 22},
      {FdRole::kCutOff, 23},       {FdRole::kOutcome, 24},       {FdRole::kProcess, 30},
      {FdRole::kNetNamespace, 31}, {FdRole::kUserNamespace, 32}, {FdRole::kTerminal, 33},
      {FdRole::kInput, 34}};
  for (auto [role, number] : kRoles) EXPECT_EQ(RoleNumber(role), number);
  EXPECT_EQ(kPayloadRole, 1u);
}

IdMap FullIds() {
  return {{0, 200'000, 65'536}, {0, 300'000, 65'536}};
}

SandboxPlan FullSandboxPlan() {
  SandboxPlan plan;
  plan.sandbox_id = "s1";
  plan.hostname = "web-0";
  plan.own_network = false;
  plan.own_ipc = true;
  plan.shared_pid = true;
  plan.shm_bytes = 64 << 20;
  plan.sysctls = {{"net/ipv4/ip_forward", "1"}};
  plan.ids = FullIds();
  plan.selinux_files = "u:r:t:s0";
  return plan;
}

ProcessPlan FullProcessPlan() {
  ProcessPlan plan;
  plan.args = {"/bin/app", "--flag"};
  plan.env = {"A=1", "B=2"};
  plan.cwd = "/srv";
  plan.user = {1000, "app", 100, "users", {27, 28}, false};
  plan.capabilities = {0x1ff, 0xff, 0x7f, 0x3f, 0x1f};
  plan.no_new_privileges = true;
  plan.terminal = true;
  plan.seccomp = true;
  plan.oom_score_adj = -997;
  plan.rlimits = {{7, 1024, 524'288}};
  plan.apparmor_profile = "davit-default";
  plan.selinux = {"u:r:p:s0", "u:r:f:s0", {"/data"}, "/pods/u/"};
  return plan;
}

ContainerPlan FullContainerPlan() {
  ContainerPlan plan;
  plan.container_id = "c1";
  plan.pid = NamespaceUse::kTarget;
  plan.host_network = true;
  plan.host_ipc = true;
  plan.host_uts = true;
  plan.host_cgroup = true;
  plan.read_only_root = true;
  plan.root_propagation = Propagation::kShared;
  plan.mounts = {{MountKind::kVolume, "/src", "/dst", "mode=755", 0x3, false, true, true, Propagation::kSlave,
                  FullIds(), 2}};
  plan.devices = {{"/dev/x", 'b', 8, 1, 0660, 5, 6, "rw"}};
  plan.all_devices = true;
  plan.masked_paths = {"/proc/kcore"};
  plan.read_only_paths = {"/proc/sys"};
  plan.stdin_open = true;
  plan.stdin_once = true;
  plan.ids = FullIds();
  plan.process = FullProcessPlan();
  return plan;
}

TEST(GoldenMessages, Plans) {
  ExpectBytes(
      FullSandboxPlan(),
      "0a02733112057765622d3018002001280130808080203a180a136e65742f697076342f69705f666f7277617264120131"
      "42180a0a080010c09a0c18808004120a080010e0a712188080044a08753a723a743a7330");
  ExpectBytes(
      FullProcessPlan(),
      "0a082f62696e2f6170700a062d2d666c61671203413d311203423d321a042f737276221708e807120361707018642205"
      "75736572732a021b1c30002a0c08ff0310ff01187f203f281f300138014001489bf8ffffffffffffff01520908071080"
      "08188080205a0d64617669742d64656661756c7462250a08753a723a703a73301208753a723a663a73301a052f646174"
      "6122082f706f64732f752f");
  ExpectBytes(
      FullContainerPlan(),
      "0a02633110031801200128013001380140024a3e080912042f7372631a042f64737422086d6f64653d37353528033000"
      "38014001480152180a0a080010c09a0c18808004120a080010e0a71218808004580252190a062f6465762f7810621808"
      "200128b00330053806420272775801620b2f70726f632f6b636f72656a092f70726f632f737973700178018201180a0a"
      "080010c09a0c18808004120a080010e0a712188080048a019b010a082f62696e2f6170700a062d2d666c61671203413d"
      "311203423d321a042f737276221708e80712036170701864220575736572732a021b1c30002a0c08ff0310ff01187f20"
      "3f281f300138014001489bf8ffffffffffffff0152090807108008188080205a0d64617669742d64656661756c746225"
      "0a08753a723a703a73301208753a723a663a73301a052f6461746122082f706f64732f752f");
}

TEST(GoldenMessages, TheProcessOfAContainerCanBeReadAlone) {
  auto only = Decode<ContainerProcess>(Encode(FullContainerPlan()), "plan");
  ASSERT_TRUE(only);
  EXPECT_EQ(Encode(only->process), Encode(FullProcessPlan()));
}

TEST(GoldenMessages, EnumsOfPlans) {
  EXPECT_EQ(static_cast<int>(NamespaceUse::kPod), 0);
  EXPECT_EQ(static_cast<int>(NamespaceUse::kOwn), 1);
  EXPECT_EQ(static_cast<int>(NamespaceUse::kHost), 2);
  EXPECT_EQ(static_cast<int>(NamespaceUse::kTarget), 3);
  EXPECT_EQ(static_cast<int>(Propagation::kPrivate), 0);
  EXPECT_EQ(static_cast<int>(Propagation::kSlave), 1);
  EXPECT_EQ(static_cast<int>(Propagation::kShared), 2);
  EXPECT_EQ(static_cast<int>(MountKind::kBind), 0);
  EXPECT_EQ(static_cast<int>(MountKind::kTmpfs), 1);
  EXPECT_EQ(static_cast<int>(MountKind::kProc), 2);
  EXPECT_EQ(static_cast<int>(MountKind::kSysfs), 3);
  EXPECT_EQ(static_cast<int>(MountKind::kMqueue), 4);
  EXPECT_EQ(static_cast<int>(MountKind::kDevpts), 5);
  EXPECT_EQ(static_cast<int>(MountKind::kShm), 6);
  EXPECT_EQ(static_cast<int>(MountKind::kCgroup), 7);
  EXPECT_EQ(static_cast<int>(MountKind::kImage), 8);
  EXPECT_EQ(static_cast<int>(MountKind::kVolume), 9);
}

}  // namespace
}  // namespace davit::shim
