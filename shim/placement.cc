// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/placement.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>

#include "base/file_io.h"
#include "base/open_beneath.h"

namespace davit::shim {
namespace {

bool IsRefused(int err) {
  return err == EPERM || err == EACCES;
}

Result<> SetOomScore(const Environment& env, pid_t pid, int32_t score) {
  std::string path = std::to_string(pid) + "/oom_score_adj";
  auto file = OpenBeneath(env.own.proc.get(), path, Resolve::kStrict, O_RDWR);
  if (!file) return std::unexpected(Within("oom_score_adj", file.error()));
  std::string text = std::to_string(score);
  if (TEMP_FAILURE_RETRY(write(file->get(), text.data(), text.size())) >= 0) return {};
  if (!IsRefused(errno)) return SystemError("oom_score_adj", text);
  env.log.Log(LogLevel::kWarning, "the host does not let the OOM score be lowered",
              {{"wanted", text}, {"pid", std::to_string(pid)}});
  return {};
}

Result<> SetRlimit(const Environment& env, pid_t pid, const Rlimit& limit) {
  auto resource = static_cast<__rlimit_resource>(limit.resource);
  rlimit64 wanted{limit.soft, limit.hard};
  if (prlimit64(pid, resource, &wanted, nullptr) == 0) return {};
  std::string name = "rlimit " + std::to_string(limit.resource);
  if (!IsRefused(errno)) return SystemError("prlimit", name);
  rlimit64 now{};
  if (prlimit64(pid, resource, nullptr, &now) < 0) return SystemError("prlimit", name);
  rlimit64 reachable{std::min(wanted.rlim_cur, now.rlim_max), std::min(wanted.rlim_max, now.rlim_max)};
  if (prlimit64(pid, resource, &reachable, nullptr) < 0) return SystemError("prlimit", name);
  env.log.Log(LogLevel::kWarning, "the host does not let a limit be raised",
              {{"resource", std::to_string(limit.resource)},
               {"wanted", std::to_string(limit.hard)},
               {"set", std::to_string(reachable.rlim_max)}});
  return {};
}

}  // namespace

Result<> Place(const Environment& env, pid_t pid, const Placement& placement) {
  if (placement.oom_score_adj) TRY(SetOomScore(env, pid, *placement.oom_score_adj));
  for (const Rlimit& limit : placement.rlimits) TRY(SetRlimit(env, pid, limit));
  return {};
}

}  // namespace davit::shim
