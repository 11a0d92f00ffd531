// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The database rows of volumes, and of their use by containers: messages of base/codec.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"

namespace davit::local {

// What happens to the anonymous volumes of a container that is removed.
enum class AnonymousVolumes : uint8_t { kStay, kGo };

struct VolumeLabel {
  std::string key;
  std::string value;

  auto Fields() { return FieldList(Field<1>(key), Field<2>(value)); }
};

struct VolumeRecord {
  std::string name;
  int64_t created_at = 0;  // nanoseconds since 1970
  bool anonymous = false;
  std::vector<VolumeLabel> labels;

  auto Fields() {
    return FieldList(Field<1>(name), Field<2>(created_at), Field<3>(anonymous), Field<4>(labels));
  }
};

// A volume that a container mounts.
struct VolumeUse {
  std::string volume;
  std::string target;  // absolute
  bool read_only = false;
  bool no_copy = false;
  bool anonymous = false;  // made for the container

  // In memory only.
  bool must_exist = false;  // it is another container's: not made if it is missing

  auto Fields() {
    return FieldList(Field<1>(volume), Field<2>(target), Field<3>(read_only), Field<4>(no_copy),
                     Field<5>(anonymous));
  }
};

}  // namespace davit::local
