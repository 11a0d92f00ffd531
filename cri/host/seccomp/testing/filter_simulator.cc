// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/seccomp/testing/filter_simulator.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/file_io.h"
#include "cri/host/seccomp/architecture.h"

namespace davit::cri {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

bool Holds(uint16_t test, uint32_t a, uint32_t k) {
  switch (test) {
    case BPF_JEQ:
      return a == k;
    case BPF_JGT:
      return a > k;
    case BPF_JGE:
      return a >= k;
    case BPF_JSET:
      return (a & k) != 0;
  }
  std::abort();
}

uint32_t LibseccompAction(uint32_t verdict) {
  uint32_t data = verdict & SECCOMP_RET_DATA;
  switch (verdict & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
      return SCMP_ACT_ALLOW;
    case SECCOMP_RET_ERRNO:
      return SCMP_ACT_ERRNO(data);
    case SECCOMP_RET_LOG:
      return SCMP_ACT_LOG;
    case SECCOMP_RET_KILL_PROCESS:
      return SCMP_ACT_KILL_PROCESS;
  }
  std::abort();
}

scmp_arg_cmp LibseccompCondition(const SeccompCondition& c) {
  static constexpr scmp_compare kOperators[] = {SCMP_CMP_EQ, SCMP_CMP_NE, SCMP_CMP_LT,       SCMP_CMP_LE,
                                                SCMP_CMP_GT, SCMP_CMP_GE, SCMP_CMP_MASKED_EQ};
  scmp_compare op = kOperators[static_cast<size_t>(c.op)];
  uint64_t first = op == SCMP_CMP_MASKED_EQ ? c.mask : c.value;
  if (c.width == ArgumentWidth::kInt) {
    return SCMP_CMP32(c.argument, op, static_cast<uint32_t>(first), static_cast<uint32_t>(c.value));
  }
  return SCMP_CMP64(c.argument, op, first, c.value);
}

}  // namespace

uint32_t RunFilter(const std::vector<sock_filter>& program, const seccomp_data& call) {
  uint32_t a = 0;
  for (size_t pc = 0; pc < program.size(); ++pc) {
    const sock_filter& op = program[pc];
    if (op.code == (BPF_LD | BPF_W | BPF_ABS)) {
      Require(op.k % 4 == 0 && op.k + 4 <= sizeof call);
      std::memcpy(&a, reinterpret_cast<const char*>(&call) + op.k, sizeof a);
    } else if (op.code == (BPF_ALU | BPF_AND | BPF_K)) {
      a &= op.k;
    } else if (op.code == (BPF_JMP | BPF_JA)) {
      pc += op.k;
    } else if (BPF_CLASS(op.code) == BPF_JMP) {
      pc += Holds(BPF_OP(op.code), a, op.k) ? op.jt : op.jf;
    } else {
      Require(op.code == (BPF_RET | BPF_K));
      return op.k;
    }
  }
  std::abort();
}

seccomp_data Call(uint32_t audit_arch, uint32_t number, std::array<uint64_t, 6> args) {
  seccomp_data call{};
  call.nr = static_cast<int>(number);
  call.arch = audit_arch;
  std::memcpy(call.args, args.data(), sizeof call.args);
  return call;
}

std::vector<sock_filter> CompileByLibseccomp(const SeccompProfile& profile, LibseccompForm form) {
  scmp_filter_ctx context = seccomp_init(LibseccompAction(profile.default_verdict));
  Require(context != nullptr);
  seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, form == LibseccompForm::kTree ? 2 : 1);
  seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (profile.compat_architecture && HostArchitectures().size() > 1) {
    Require(seccomp_arch_add(context, HostArchitectures()[1].token) == 0);
  }
  for (const SeccompRule& rule : profile.rules) {
    int number = seccomp_syscall_resolve_name(rule.syscall.c_str());
    if (number == __NR_SCMP_ERROR || rule.verdict == profile.default_verdict) continue;
    std::vector<scmp_arg_cmp> conditions;
    for (const SeccompCondition& condition : rule.all_of)
      conditions.push_back(LibseccompCondition(condition));
    seccomp_rule_add_array(context, LibseccompAction(rule.verdict), number,
                           static_cast<unsigned>(conditions.size()), conditions.data());
  }
  UniqueFd fd(memfd_create("oracle", MFD_CLOEXEC));
  Require(seccomp_export_bpf(context, fd.get()) == 0);
  seccomp_release(context);
  Require(lseek(fd.get(), 0, SEEK_SET) == 0);
  std::string bytes = ReadFd(fd.get(), "oracle").value();
  std::vector<sock_filter> program(bytes.size() / sizeof(sock_filter));
  std::memcpy(program.data(), bytes.data(), program.size() * sizeof(sock_filter));
  return program;
}

}  // namespace davit::cri
