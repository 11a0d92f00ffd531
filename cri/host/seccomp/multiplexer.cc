// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/seccomp/multiplexer.h"

#include <linux/audit.h>
#include <linux/ipc.h>
#include <linux/net.h>
#include <linux/seccomp.h>

#include <algorithm>

namespace davit::cri {
namespace {

// arch/x86/entry/syscalls/syscall_32.tbl
constexpr uint32_t kSocketCall = 102;
constexpr uint32_t kIpc = 117;

struct NamedSubCall {
  std::string_view name;
  SubCall call;
};

constexpr NamedSubCall kI386[] = {
    {"socket", {kSocketCall, SYS_SOCKET}},
    {"bind", {kSocketCall, SYS_BIND}},
    {"connect", {kSocketCall, SYS_CONNECT}},
    {"listen", {kSocketCall, SYS_LISTEN}},
    {"accept", {kSocketCall, SYS_ACCEPT}},
    {"getsockname", {kSocketCall, SYS_GETSOCKNAME}},
    {"getpeername", {kSocketCall, SYS_GETPEERNAME}},
    {"socketpair", {kSocketCall, SYS_SOCKETPAIR}},
    {"send", {kSocketCall, SYS_SEND}},
    {"recv", {kSocketCall, SYS_RECV}},
    {"sendto", {kSocketCall, SYS_SENDTO}},
    {"recvfrom", {kSocketCall, SYS_RECVFROM}},
    {"shutdown", {kSocketCall, SYS_SHUTDOWN}},
    {"setsockopt", {kSocketCall, SYS_SETSOCKOPT}},
    {"getsockopt", {kSocketCall, SYS_GETSOCKOPT}},
    {"sendmsg", {kSocketCall, SYS_SENDMSG}},
    {"recvmsg", {kSocketCall, SYS_RECVMSG}},
    {"accept4", {kSocketCall, SYS_ACCEPT4}},
    {"recvmmsg", {kSocketCall, SYS_RECVMMSG}},
    {"sendmmsg", {kSocketCall, SYS_SENDMMSG}},
    {"semop", {kIpc, SEMOP}},
    {"semget", {kIpc, SEMGET}},
    {"semctl", {kIpc, SEMCTL}},
    {"semtimedop", {kIpc, SEMTIMEDOP}},
    {"msgsnd", {kIpc, MSGSND}},
    {"msgrcv", {kIpc, MSGRCV}},
    {"msgget", {kIpc, MSGGET}},
    {"msgctl", {kIpc, MSGCTL}},
    {"shmat", {kIpc, SHMAT}},
    {"shmdt", {kIpc, SHMDT}},
    {"shmget", {kIpc, SHMGET}},
    {"shmctl", {kIpc, SHMCTL}},
};

// The kernel's own order (seccomp(2)): the smaller of two actions as signed numbers wins.
bool IsMoreSevere(uint32_t verdict, uint32_t than) {
  auto rank = [](uint32_t of) { return static_cast<int32_t>(of & SECCOMP_RET_ACTION_FULL); };
  return rank(verdict) < rank(than);
}

}  // namespace

std::optional<SubCall> FindSubCall(const SeccompArchitecture& architecture, std::string_view name) {
  if (architecture.audit != AUDIT_ARCH_I386) return std::nullopt;
  const auto* found = std::ranges::find(kI386, name, &NamedSubCall::name);
  return found == std::end(kI386) ? std::nullopt : std::optional(found->call);
}

uint32_t SubCallMask(uint32_t multiplexer) {
  constexpr uint32_t kWithoutVersion = 0xffff;  // ipc/syscall.c
  return multiplexer == kIpc ? kWithoutVersion : ~uint32_t{0};
}

void SubCallVerdicts::Add(const SubCall& call, const SeccompRule& rule) {
  auto& calls = verdicts_[call.multiplexer];
  Verdict& verdict = calls.try_emplace(call.number, Verdict{std::nullopt, default_verdict_}).first->second;
  if (rule.all_of.empty()) {
    if (!verdict.always) verdict.always = rule.verdict;
  } else if (IsMoreSevere(rule.verdict, verdict.most_severe)) {
    verdict.most_severe = rule.verdict;
  }
}

std::map<uint32_t, std::map<uint32_t, uint32_t>> SubCallVerdicts::Verdicts() const {
  std::map<uint32_t, std::map<uint32_t, uint32_t>> all;
  for (const auto& [multiplexer, calls] : verdicts_) {
    for (const auto& [number, verdict] : calls) {
      uint32_t decided = verdict.always.value_or(verdict.most_severe);
      if (decided != default_verdict_) all[multiplexer][number] = decided;
    }
  }
  return all;
}

}  // namespace davit::cri
