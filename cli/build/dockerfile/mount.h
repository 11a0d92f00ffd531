// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// RUN --mount.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cli/build/dockerfile/placed_text.h"

namespace davit::cli::dockerfile {

struct Mount {
  enum class Kind : uint8_t { kBind, kCache, kTmpfs, kSecret };
  enum class Sharing : uint8_t { kShared, kPrivate, kLocked };

  Kind kind = Kind::kBind;
  Token from =
      {};  // a stage, an image or a named context; empty: the build's context (bind), nothing (cache)
  std::string source = {};  // a path in `from`; of a secret: its id, if `id` is empty
  std::string target = {};  // relative to WORKDIR; empty: WORKDIR itself, or the default of a secret
  bool read_only = true;
  std::string id = {};  // of a cache (default: the target) or a secret
  Sharing sharing = Sharing::kShared;
  bool required = false;                     // of a secret
  std::optional<std::string> variable = {};  // of a secret: the environment variable; empty: named as the id
  int64_t size_limit = 0;                    // of a tmpfs, in bytes; 0: none
  std::optional<uint32_t> mode = {};         // uid, gid and mode: of caches and secrets
  std::optional<uint32_t> uid = {};
  std::optional<uint32_t> gid = {};
};

// Expands the variables in one value.
using ExpandValue = std::function<Parsed<std::string>(const Token&)>;

// `text` is the flag's value: "type=cache,target=/x". Problems are unknown keys and types, keys that the type
// does not have, and values of a wrong form; type=ssh, which Davit has not. `expand` is applied to each value
// but `from`, which has no variables.
Parsed<Mount> ParseMount(const Token& text, const ExpandValue& expand);

// The mount's `from`; empty if it has none. The problem of a variable in it.
Parsed<Token> MountSource(const Token& text);

}  // namespace davit::cli::dockerfile
