// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/selinux/context.h"

#include <algorithm>

namespace davit::cri {
namespace {

bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Up to the next colon, which goes as well.
std::string TakeField(std::string_view& text) {
  std::string_view field = text.substr(0, text.find(':'));
  text.remove_prefix(std::min(text.size(), field.size() + 1));
  return std::string(field);
}

}  // namespace

std::string SeLinuxContext::ToString() const {
  if (empty()) return "";
  std::string text = user + ":" + role + ":" + type;
  return level.empty() ? text : text + ":" + level;
}

Result<SeLinuxContext> ParseSeLinuxContext(std::string_view text) {
  std::string_view rest = text;
  SeLinuxContext context;
  context.user = TakeField(rest);
  context.role = TakeField(rest);
  context.type = TakeField(rest);
  context.level = rest;
  bool named = IsSeLinuxName(context.user) && IsSeLinuxName(context.role) && IsSeLinuxName(context.type);
  if (named && (rest.empty() || IsSeLinuxLevel(rest))) return context;
  return Fail(Code::kInvalidArgument, "parse SELinux context", text, "it is not user:role:type:level");
}

bool IsSeLinuxName(std::string_view text) {
  auto fits = [](char c) { return IsLetterOrDigit(c) || c == '_' || c == '-' || c == '.'; };
  return !text.empty() && std::ranges::all_of(text, fits);
}

bool IsSeLinuxLevel(std::string_view text) {
  auto fits = [](char c) {
    return IsLetterOrDigit(c) || c == '_' || c == '-' || c == '.' || c == ',' || c == ':';
  };
  return !text.empty() && std::ranges::all_of(text, fits);
}

}  // namespace davit::cri
