// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/exit_record.h"

#include "base/atomic_file.h"
#include "base/codec.h"

namespace davit {
namespace {
constexpr int64_t kRetryMs = 1000;
}  // namespace

void RecordExit(Environment& env, const ContainerExited& exit) {
  // The directory is on a tmpfs: a reboot, which is all that fsync would guard against, ends the container
  // anyway.
  Result<> written =
      WriteFileAtomically(env.exits_dir, exit.container_id, Encode(exit), 0600, Durability::kVolatile);
  if (written) return;
  env.log.Log(LogLevel::kError, "cannot write exit record",
              {{"container", exit.container_id}, {"error", written.error().ToString()}});
  env.timers.Add(kRetryMs, [&env, exit] { RecordExit(env, exit); });
}

}  // namespace davit
