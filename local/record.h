// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The database rows of a local container: one message of base/codec.h each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"
#include "local/volume_record.h"

namespace davit::local {

// The number of a container's runs so far is `run`, which counts from the moment when a start has begun: it
// is recorded before anything of the run is made.
enum class Status : uint8_t {
  kCreated = 0,   // no run has reached its program
  kStarting = 1,  // the run is being made: any part of its pod may exist
  kRunning = 2,   // the program was started, and its end is not known
  kEnding = 3,    // the outcome is known; the pod, or a part of it, may exist
  kExited = 4,    // the pod is gone
  kRemoving = 5,  // the pod is gone, and all else is to follow
  kMaking = 6,    // it is being created: any of its volumes may exist
};
constexpr Status LastOf(Status) {
  return Status::kMaking;
}

// What shall happen to a container that has no run, or once it has none, without a person's doing.
enum class Next : uint8_t {
  kNothing = 0,
  kRestart = 1,  // by the restart policy; stays until the program of the next run was started
  kRemove = 2,
};
constexpr Next LastOf(Next) {
  return Next::kRemove;
}

// What stays as it was created. Written once.
struct LocalSpecRecord {
  std::string spec;                       // davit.v1.ContainerSpec
  std::vector<std::string> command_line;  // of the spec and the image
  std::vector<VolumeUse> volumes;         // not to be started without them

  auto Fields() { return FieldList(Field<1>(spec), Field<2>(command_line), Field<kMustUnderstand>(volumes)); }
};

// Written at each change: small, whatever the spec. Times are nanoseconds since 1970; 0: never.
struct LocalRecord {
  std::string id;
  std::string name;
  std::string image_id;
  std::vector<std::string> chain_ids;  // of the image's layers, bottom first
  int64_t created_at = 0;
  Status status = Status::kCreated;
  bool stopped = false;  // somebody has stopped it, and nobody has started it since
  Next next = Next::kNothing;
  uint32_t run = 0;        // the number of the current or last run; 0: there was none
  int64_t started_at = 0;  // of the last run that has reached its program
  // The last outcome: of `run`, or of the run before it while the status is Starting or Running.
  int64_t finished_at = 0;
  int32_t exit_code = 0;
  bool oom_killed = false;
  std::string error;            // why the last start failed, or why the exit code is not known
  uint32_t restart_count = 0;   // by the restart policy, since somebody started it
  uint32_t quick_ends = 0;      // ends in a row, each soon after its start
  int32_t stop_signal = 0;      // that the spec or the image names; 0: neither does
  bool remove_volumes = false;  // its removal, which has begun, includes its anonymous volumes
  std::string update;  // davit.v1.ContainerUpdate: what is in force instead of the spec (spec_update.h)

  // In memory only. Times are MonotonicMilliseconds.
  bool gone = false;       // it is removed
  int64_t started_ms = 0;  // of the last start by this daemon; 0: there was none
  int64_t due_ms = 0;      // when the next step of the keeper is due; 0: at once
  uint32_t attempts = 0;   // to remove the pod or the container, which have failed
  std::string obstacle;    // why the last of these has failed

  auto Fields() {
    return FieldList(Field<1>(id), Field<2>(name), Field<4>(image_id), Field<5>(chain_ids),
                     Field<7>(created_at), Field<8>(status), Field<9>(stopped), Field<10>(next),
                     Field<11>(started_at), Field<12>(finished_at), Field<13>(exit_code),
                     Field<14>(oom_killed), Field<15>(error), Field<16>(restart_count), Field<17>(quick_ends),
                     Field<18>(run), Field<19>(stop_signal), Field<40>(remove_volumes), Field<41>(update));
  }
};

}  // namespace davit::local
