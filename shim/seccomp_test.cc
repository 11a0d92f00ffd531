// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Starts under profiles that forbid what a start may need: between the filter and the program there is execve
// and, when that fails, exit_group.
#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/memfd.h"
#include "shim/testing/shim_fixture.h"

namespace davit::shim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint32_t kRefuse = SECCOMP_RET_ERRNO | EPERM;

std::string AsText(const std::vector<sock_filter>& filter) {
  return {reinterpret_cast<const char*>(filter.data()), filter.size() * sizeof(sock_filter)};
}

// A filter that answers these calls with `action` and allows all others.
std::string Forbid(const std::vector<int>& calls, uint32_t action) {
  std::vector<sock_filter> filter = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (int call : calls) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, action));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  return AsText(filter);
}

// The same, and prctl as well but for what busybox asks when it has begun (it looks for a file, too).
std::string ForbidWithPrctl(const std::vector<int>& calls, uint32_t action) {
  std::string rest = Forbid(calls, action);
  std::vector<sock_filter> filter = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_GET_NAME, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, action),
  };
  return AsText(filter) + rest;
}

// Everything that changes a process on its way, and what the shim's children usually report with.
const std::vector<int> kCallsOfAStart = {
    SYS_openat2,     SYS_openat, SYS_sendmsg,   SYS_recvmsg,    SYS_sendto,    SYS_capget,
    SYS_capset,      SYS_keyctl, SYS_setgroups, SYS_setresgid,  SYS_setresuid, SYS_fchdir,
    SYS_chdir,       SYS_getcwd, SYS_umask,     SYS_fcntl,      SYS_close,     SYS_dup2,
    SYS_close_range, SYS_write,  SYS_faccessat, SYS_faccessat2, SYS_seccomp,   SYS_rt_sigprocmask};

class SeccompTest : public ShimTest, public ::testing::WithParamInterface<bool> {
 protected:
  static ContainerPlan Plan(unsigned id, std::vector<std::string> args) {
    ContainerPlan plan = MinimalPlan(TestId(id), std::move(args));
    plan.process.seccomp = true;
    plan.process.no_new_privileges = GetParam();
    plan.process.user.uid = 1000;
    return plan;
  }
  Result<StartedContainer> StartUnder(const std::string& filter, std::vector<std::string> args) {
    ContainerPlan plan = Plan(1, std::move(args));
    Descriptors fds = TRY(daemon_.ContainerFds(plan, image_));
    fds.Add(FdRole::kSeccomp, TRY(MakeSealedMemfd("filter", filter)));
    return daemon_.Start(plan, std::move(fds));
  }
  Error FailStart(const std::string& filter, std::vector<std::string> args = {"true"}) {
    auto started = StartUnder(filter, std::move(args));
    if (!started) return started.error();
    ADD_FAILURE() << "it started";
    (void)daemon_.AwaitExit(TestId(1));
    return {};
  }
  Error FailExec(const std::string& filter, std::vector<std::string> args = {"true"}) {
    Descriptors fds;
    fds.Add(FdRole::kSeccomp, *MakeSealedMemfd("filter", filter));
    ExecRequest request{TestId(2), TestId(50), Encode(Plan(2, std::move(args)).process)};
    auto started = daemon_.Call(ShimMessage::kExec, Encode(request), std::move(fds));
    if (!started) return started.error();
    ADD_FAILURE() << "it started";
    return {};
  }
  // As ExecSync has it: the outcome comes on a socket, and the start wakes nobody.
  Result<Frame> ExecOutcome(const std::string& filter, std::vector<std::string> args) {
    auto [ours, theirs] = TRY(FramePair());
    Descriptors fds;
    fds.Add(FdRole::kSeccomp, TRY(MakeSealedMemfd("filter", filter)));
    fds.Add(FdRole::kOutcome, std::move(theirs));
    ExecRequest request{TestId(2), TestId(60), Encode(Plan(2, std::move(args)).process)};
    TRY(daemon_.Send(ShimMessage::kExec, Encode(request), std::move(fds)));
    pollfd readable{ours.get(), POLLIN, 0};
    if (poll(&readable, 1, 30'000) != 1) return Fail(Code::kDeadlineExceeded, "poll", "outcome");
    return ReceiveFrame(ours.get());
  }
  void StartIdle() {
    StartSandbox();
    ASSERT_TRUE(daemon_.Start(MinimalPlan(TestId(2), {"sleep", "1000"}), image_)) << daemon_.ShimLog();
  }
};

INSTANTIATE_TEST_SUITE_P(NoNewPrivileges, SeccompTest, ::testing::Bool());

TEST_P(SeccompTest, NothingButExecveIsNeeded) {
  StartSandbox();
  auto started = StartUnder(ForbidWithPrctl(kCallsOfAStart, SECCOMP_RET_KILL_PROCESS), {"true"});
  ASSERT_TRUE(started) << started.error().ToString();
  EXPECT_EQ(daemon_.AwaitExit(TestId(1))->exit_code, 0);
}

TEST_P(SeccompTest, TheRightToFilterDoesNotReachTheProgram) {
  StartSandbox();
  unsigned id = 10;
  for (uint32_t uid : {0U, 1000U}) {
    ContainerPlan plan = Plan(id++, {"grep", "^Cap", "/proc/self/status"});
    plan.process.user.uid = uid;
    auto fds = daemon_.ContainerFds(plan, image_);
    fds->Add(FdRole::kSeccomp, *MakeSealedMemfd("filter", Forbid({}, kRefuse)));
    ASSERT_TRUE(daemon_.Start(plan, std::move(*fds)));
    const char* own = uid == 0 ? "00000000a80425fb" : "0000000000000000";
    std::vector<std::string> sets = daemon_.Outcome(*daemon_.AwaitExit(plan.container_id)).out;
    EXPECT_THAT(sets, ElementsAre("CapInh:\t0000000000000000", std::string("CapPrm:\t") + own,
                                  std::string("CapEff:\t") + own, "CapBnd:\t00000000a80425fb",
                                  "CapAmb:\t0000000000000000"));
  }
}

TEST_P(SeccompTest, AForbiddenExecveFailsTheStartAndIsNamed) {
  StartSandbox();
  Error error = FailStart(Forbid({SYS_execve}, kRefuse));
  EXPECT_EQ(error.step, "exec");
  EXPECT_EQ(error.os_errno, EPERM);
  EXPECT_THAT(error.ToString(), HasSubstr("the seccomp profile may forbid execve"));
}

TEST_P(SeccompTest, AnExecveThatKillsFailsTheStart) {
  StartSandbox();
  for (uint32_t action : {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP}) {
    EXPECT_THAT(FailStart(Forbid({SYS_execve}, action)).ToString(),
                HasSubstr("killed by the seccomp profile (SIGSYS)"));
  }
}

TEST_P(SeccompTest, AMissingProgramIsNamedWithoutSendmsg) {
  StartSandbox();
  Error error = FailStart(Forbid({SYS_sendmsg, SYS_openat2}, kRefuse), {"/bin/nope"});
  EXPECT_EQ(error.subject, "/bin/nope");
  EXPECT_EQ(error.os_errno, ENOENT);
}

TEST_P(SeccompTest, AMissingProgramIsAnErrorWhereNothingCanBeWritten) {
  StartSandbox();
  Error error = FailStart(Forbid({SYS_sendmsg, SYS_write}, kRefuse), {"/bin/nope"});
  EXPECT_EQ(error.step, "exec");
  EXPECT_EQ(error.subject, "/bin/nope");
  EXPECT_EQ(error.os_errno, ENOENT);
}

TEST_P(SeccompTest, AMissingProgramIsAnErrorWhereTheProcessMayNotEvenExit) {
  StartSandbox();
  Error error = FailStart(Forbid({SYS_exit_group, SYS_exit}, kRefuse), {"/bin/nope"});
  EXPECT_THAT(error.ToString(), HasSubstr("before it could run its program"));
  error = FailStart(Forbid({SYS_exit_group}, SECCOMP_RET_KILL_PROCESS), {"/bin/nope"});
  EXPECT_THAT(error.ToString(), HasSubstr("SIGSYS"));
}

TEST_P(SeccompTest, AProgramThatIsKilledOnceItRunsHasStarted) {
  StartSandbox();
  auto started = StartUnder(Forbid({SYS_exit_group}, SECCOMP_RET_KILL_PROCESS), {"true"});
  ASSERT_TRUE(started) << started.error().ToString();
  EXPECT_EQ(daemon_.AwaitExit(TestId(1))->signal, SIGSYS);
}

TEST_P(SeccompTest, AnExecIsHeldToTheSame) {
  StartIdle();
  EXPECT_THAT(FailExec(Forbid({SYS_execve}, kRefuse)).ToString(), HasSubstr("may forbid execve"));
  EXPECT_THAT(FailExec(Forbid({SYS_execve}, SECCOMP_RET_KILL_PROCESS)).ToString(), HasSubstr("SIGSYS"));
  EXPECT_EQ(FailExec(Forbid({SYS_sendmsg, SYS_write}, kRefuse), {"/bin/nope"}).os_errno, ENOENT);
}

TEST_P(SeccompTest, AnExecWithASocketForItsOutcomeFailsThere) {
  StartIdle();
  auto failed = static_cast<uint32_t>(ShimMessage::kFailed);
  for (uint32_t action : {SECCOMP_RET_KILL_PROCESS, kRefuse})
    EXPECT_EQ(ExecOutcome(Forbid({SYS_execve}, action), {"true"})->type, failed) << action;
  EXPECT_EQ(ExecOutcome(Forbid({SYS_sendmsg, SYS_write}, kRefuse), {"/bin/nope"})->type, failed);
  auto ended = ExecOutcome(Forbid({SYS_exit_group}, SECCOMP_RET_KILL_PROCESS), {"true"});
  EXPECT_EQ(Decode<ExecExited>(ended->payload, "end")->signal, SIGSYS);
}

}  // namespace
}  // namespace davit::shim
