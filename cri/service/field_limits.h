// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Checks the lengths of a request's texts. The errors are kInvalidArgument and name the field, not its
// content.
#pragma once

#include <cstddef>
#include <string>

#include "base/error.h"
#include "base/utf8.h"

namespace davit::cri {

// Of api/davit/v1/davit.proto, bytes.
inline constexpr size_t kMostReferenceBytes = 1024;
inline constexpr size_t kMostRegistryBytes = 255;
inline constexpr size_t kMostNameBytes = 1024;  // user names and server addresses
inline constexpr size_t kMostSecretBytes = 65'536;
inline constexpr int kMostSourceCredentials = 64;
inline constexpr int kMostExportedImages = 1000;
inline constexpr size_t kMostImportPiece = 4 << 20;

// At most `most` bytes.
inline Result<> LimitText(const char* field, const std::string& text, size_t most) {
  if (text.size() <= most) return {};
  return Fail(
      Code::kInvalidArgument, "read", field,
      "has " + std::to_string(text.size()) + " bytes; at most " + std::to_string(most) + " are allowed");
}

// At most `most` entries.
inline Result<> LimitCount(const char* field, int count, int most) {
  if (count <= most) return {};
  return Fail(Code::kInvalidArgument, "read", field,
              "has " + std::to_string(count) + " entries; at most " + std::to_string(most) + " are allowed");
}

// The same as LimitText, and at least one byte.
inline Result<> RequireText(const char* field, const std::string& text, size_t most) {
  if (text.empty()) return Fail(Code::kInvalidArgument, "read", field, "is empty");
  return LimitText(field, text, most);
}

// For texts of a response, which are UTF-8: an archive or a registry chooses a part of many errors.
constexpr size_t kMostResponseText = 4096;  // bytes
inline std::string ToResponseText(const std::string& text) {
  return OneLine(text, kMostResponseText);
}

}  // namespace davit::cri
