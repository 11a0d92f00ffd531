// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Requests as JSON, for `crictl inspect` and `inspectp`.
#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include "base/json.h"

namespace davit::cri {

// With the field names of the .proto file, as in crictl's own files; null if the message cannot be converted.
inline nlohmann::json JsonOf(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) return nullptr;
  return JsonOrNull(text);
}

}  // namespace davit::cri
