// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Requests as JSON, for `crictl inspect` and `inspectp`.
#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>

namespace davit {

// By the names of the .proto file, as crictl's own files have them; null when it cannot be rendered.
inline nlohmann::json JsonOf(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) return nullptr;
  return nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
}

// Names in files and requests may hold any bytes; JSON cannot.
inline std::string Dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace);
}

}  // namespace davit
