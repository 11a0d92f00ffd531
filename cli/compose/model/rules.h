// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What Compose files may have: keys, the forms of their values, and what Davit does with them, as tables.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/compose/model/problem.h"
#include "cli/compose/model/value.h"

namespace davit::cli::compose {

// The form of a value. A canonical one (canonical.h) has the first of several.
enum class Form : uint8_t {
  kAny,   // as written
  kText,  // a text; numbers are taken as written
  kPath,  // a path, absolute; or relative to the base directory, or to "~"
  kBool,  // also a text, after variables were replaced; so for the next two
  kInteger,
  kNumber,
  kDuration,  // "1m30s", as Go prints it
  kBytes,     // a text of digits; or a text with a unit, or a number
  kCommand,   // a list of texts; or a text that is split as a shell does; may be nothing
  kTest,      // a list of texts; or a text, which is a command of the shell
  kTexts,     // a list of texts; or a text
  kPairs,     // a map of texts, or nothing; or a list of NAME=VALUE and NAME
  kObject,    // a map with known keys
  kMapOf,     // a map with any keys and one rule for all values
  kListOf,    // a list with one rule for all items
};

// Where a value is read.
struct Surroundings {
  std::string base_directory = {};  // absolute
  std::string home = {};            // for "~"; may be empty
  Problems* problems = nullptr;
};

// Returns the long form of a short one: several values for an item of a list that stands for several. Adds a
// problem, and returns none, if it is malformed. Gets values of all kinds.
using Expand = std::vector<Value> (*)(const Value& value, const Surroundings& around);

struct Key;

struct Rule {
  Form form = Form::kAny;
  std::span<const Key> keys = {};  // of kObject
  const Rule* of = nullptr;        // of kMapOf and kListOf
  Expand expand = nullptr;         // of kObject, kMapOf, and items of kListOf
  // Of items of a kListOf: items with the same text are one, of which the last file's counts.
  std::string (*identity)(const Value& item) = nullptr;
};

enum class Support : uint8_t {
  kYes,
  kCosmetic,  // has no effect at a node like this one
  kNo,        // a problem
};

struct Key {
  std::string_view name;
  const Rule* rule = nullptr;
  Support support = Support::kYes;
  std::string_view advice = {};  // what to do without a key that is not supported
};

// Of a whole file.
const Rule& FileRule();
const Rule& ServiceRule();

// The parts of services that have tables of their own (rules_parts.cc).
extern const Rule kBuildRule;
extern const Rule kDeployRule;
extern const Rule kHealthcheckRule;
extern const Rule kLoggingRule;
extern const Rule kDependsOnRule;
extern const Rule kServiceNetworksRule;
extern const Rule kPortsRule;
extern const Rule kVolumesRule;
extern const Rule kFileMountsRule;
extern const Rule kDevicesRule;
extern const Rule kEnvFilesRule;
extern const Rule kExtendsRule;

// The names of a table.
std::vector<std::string> NamesOf(std::span<const Key> keys);

}  // namespace davit::cli::compose
