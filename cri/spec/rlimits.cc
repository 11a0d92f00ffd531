// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/rlimits.h"

#include <sys/resource.h>

#include <algorithm>

namespace davit::cri {
namespace {

constexpr uint64_t kUnlimited = RLIM_INFINITY;

constexpr shim::Rlimit kDefaults[] = {
    {RLIMIT_CPU, kUnlimited, kUnlimited},
    {RLIMIT_FSIZE, kUnlimited, kUnlimited},
    {RLIMIT_DATA, kUnlimited, kUnlimited},
    {RLIMIT_STACK, 8 << 20, kUnlimited},
    {RLIMIT_CORE, kUnlimited, kUnlimited},
    {RLIMIT_RSS, kUnlimited, kUnlimited},
    {RLIMIT_NPROC, kUnlimited, kUnlimited},
    {RLIMIT_NOFILE, 1024, 524288},
    {RLIMIT_MEMLOCK, 8 << 20, 8 << 20},
    {RLIMIT_AS, kUnlimited, kUnlimited},
    {RLIMIT_LOCKS, kUnlimited, kUnlimited},
    {RLIMIT_MSGQUEUE, 819200, 819200},
    {RLIMIT_NICE, 0, 0},
    {RLIMIT_RTPRIO, 0, 0},
    {RLIMIT_RTTIME, kUnlimited, kUnlimited},
};

}  // namespace

std::vector<shim::Rlimit> DefaultRlimits(const std::vector<shim::Rlimit>& configured) {
  std::vector<shim::Rlimit> limits(std::begin(kDefaults), std::end(kDefaults));
  for (const shim::Rlimit& limit : configured) {
    auto same = std::ranges::find(limits, limit.resource, &shim::Rlimit::resource);
    if (same != limits.end()) {
      *same = limit;
    } else {
      limits.push_back(limit);
    }
  }
  return limits;
}

std::vector<std::string> LowerToReachable(const std::vector<shim::Rlimit>& own,
                                          std::vector<shim::Rlimit>& wanted) {
  std::vector<std::string> lowered;
  for (shim::Rlimit& limit : wanted) {
    auto ours = std::ranges::find(own, limit.resource, &shim::Rlimit::resource);
    if (ours == own.end() || limit.hard <= ours->hard) continue;
    lowered.push_back("limit " + std::to_string(limit.resource) + " to " + std::to_string(ours->hard));
    limit.hard = ours->hard;
    limit.soft = std::min(limit.soft, limit.hard);
  }
  return lowered;
}

std::vector<shim::Rlimit> OwnRlimits() {
  std::vector<shim::Rlimit> limits;
  for (uint32_t resource = 0; resource < RLIM_NLIMITS; ++resource) {
    rlimit limit{};
    if (getrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0)
      limits.push_back({resource, limit.rlim_cur, limit.rlim_max});
  }
  return limits;
}

}  // namespace davit::cri
