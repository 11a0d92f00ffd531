// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// System calls that can be made in two ways. On i386 the socket and System V IPC calls have their own numbers
// (since Linux 4.3 and 5.1) and are also sub-calls of socketcall(2) and ipc(2), which glibc still uses for
// sockets. A rule for such a name must apply to both ways.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "cri/host/seccomp/architecture.h"
#include "cri/host/seccomp/profile.h"

namespace davit::cri {

struct SubCall {
  uint32_t multiplexer = 0;  // the number of socketcall or ipc
  uint32_t number = 0;       // the value of the multiplexer's first argument that selects the sub-call
};

// Returns nullopt if the architecture has no multiplexer for this name.
std::optional<SubCall> FindSubCall(const SeccompArchitecture& architecture, std::string_view name);

// The bits of the multiplexer's first argument that the kernel compares with the sub-call's number. ipc(2)
// takes a version in the upper half: a filter that compared all bits could be bypassed.
uint32_t SubCallMask(uint32_t multiplexer);

// Computes a profile's verdicts on the sub-calls of one architecture. The arguments of a sub-call are in
// memory that no filter can read, so the verdict does not depend on them: it is that of the first rule
// without conditions, or else the most severe of the default and all conditional rules. So a conditional rule
// that allows does not open the multiplexer, and a conditional rule that denies closes the whole sub-call.
class SubCallVerdicts {
 public:
  explicit SubCallVerdicts(uint32_t default_verdict) : default_verdict_(default_verdict) {}

  // To be called for the rules in the order of the profile.
  void Add(const SubCall& call, const SeccompRule& rule);

  // Verdicts by multiplexer and sub-call; those equal to the default are omitted.
  std::map<uint32_t, std::map<uint32_t, uint32_t>> Verdicts() const;

 private:
  struct Verdict {
    std::optional<uint32_t> always;
    uint32_t most_severe;
  };

  uint32_t default_verdict_;
  std::map<uint32_t, std::map<uint32_t, Verdict>> verdicts_;
};

}  // namespace davit::cri
