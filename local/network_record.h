// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The database row of a network: one message of base/codec.h.
#pragma once

#include <cstdint>
#include <string>

#include "base/codec.h"

namespace davit::local {

// Written before the bridge is made and deleted after it is removed: it names all that there can be.
struct NetworkRecord {
  std::string id;
  std::string name;
  std::string spec;        // davit.v1.NetworkSpec, with subnets and gateways
  std::string bridge;      // the interface's name
  int64_t created_at = 0;  // nanoseconds since 1970

  auto Fields() {
    return FieldList(Field<1>(id), Field<2>(name), Field<3>(spec), Field<4>(bridge), Field<5>(created_at));
  }
};

}  // namespace davit::local
