// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The database row of a local container: one message of base/codec.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"
#include "local/volume_record.h"

namespace davit::local {

enum class Status : uint8_t {
  kCreated = 0,   // never started, or its first start has failed
  kRunning = 1,   // its pod exists; once `outcome_known` is set, the pod is being removed
  kExited = 2,    // it has no pod
  kRemoving = 3,  // a removal has begun
};
constexpr Status LastOf(Status) {
  return Status::kRemoving;
}

// Times are nanoseconds since 1970; 0: never.
struct LocalRecord {
  std::string id;
  std::string name;
  std::string spec;  // davit.v1.ContainerSpec; in rows only: in memory the LocalContainer has it
  std::string image_id;
  std::vector<std::string> chain_ids;     // of the image's layers, bottom first
  std::vector<std::string> command_line;  // of the spec and the image
  int64_t created_at = 0;
  Status status = Status::kCreated;
  bool stopped = false;  // somebody has stopped it, and nobody has started it since
  bool outcome_known = false;
  int64_t started_at = 0;
  int64_t finished_at = 0;
  int32_t exit_code = 0;
  bool oom_killed = false;
  std::string error;
  uint32_t restart_count = 0;  // by the restart policy, since somebody started it
  uint32_t quick_ends = 0;     // ends in a row, each soon after its start
  uint32_t starts = 0;
  uint32_t ends = 0;
  std::vector<VolumeUse> volumes;
  bool making = false;          // its volumes are being made; after a crash it is removed
  bool remove_volumes = false;  // its removal, which has begun, includes its anonymous volumes

  // In memory only.
  bool gone = false;  // it is removed

  auto Fields() {
    return FieldList(Field<1>(id), Field<2>(name), Field<3>(spec), Field<4>(image_id), Field<5>(chain_ids),
                     Field<6>(command_line), Field<7>(created_at), Field<8>(status), Field<9>(stopped),
                     Field<10>(outcome_known), Field<11>(started_at), Field<12>(finished_at),
                     Field<13>(exit_code), Field<14>(oom_killed), Field<15>(error), Field<16>(restart_count),
                     Field<17>(quick_ends), Field<18>(starts), Field<19>(ends), Field<40>(volumes),
                     Field<41>(making), Field<42>(remove_volumes));
  }
};

}  // namespace davit::local
