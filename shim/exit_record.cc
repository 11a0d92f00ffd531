// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/exit_record.h"

#include <algorithm>

#include "base/atomic_file.h"
#include "base/codec.h"

namespace davit::shim {
namespace {

constexpr int64_t kRetryMs = 1000;

// The directory is on a tmpfs: a reboot, which is all that fsync would guard against, ends the container
// anyway.
Result<> WriteRecord(int dir_fd, const ContainerExited& exit) {
  return WriteFileAtomically(dir_fd, exit.container_id, Encode(exit), 0600, Durability::kVolatile);
}

}  // namespace

bool ExitRecords::Write(const ContainerExited& exit) {
  Result<> written = WriteRecord(env_.exits_dir, exit);
  if (written) return true;
  env_.log.Log(LogLevel::kError, "cannot write exit record",
               {{"container", exit.container_id}, {"error", written.error().ToString()}});
  return false;
}

void ExitRecords::Keep(const ContainerExited& exit, bool told) {
  kept_[exit.container_id] = {exit, told};
  RetryLater();
}

std::vector<ContainerExited> ExitRecords::TellUnrecorded() {
  std::vector<ContainerExited> exits;
  for (auto& [id, kept] : kept_) {
    kept.told = true;
    exits.push_back(kept.exit);
  }
  return exits;
}

void ExitRecords::RetryLater() {
  bool untold = std::ranges::any_of(kept_, [](const auto& entry) { return !entry.second.told; });
  if (untold && retry_ == 0) retry_ = env_.timers.Add(kRetryMs, [this] { Retry(); });
}

void ExitRecords::Retry() {
  retry_ = 0;
  std::erase_if(kept_, [this](const auto& entry) {
    return !entry.second.told && WriteRecord(env_.exits_dir, entry.second.exit);
  });
  RetryLater();
}

}  // namespace davit::shim
