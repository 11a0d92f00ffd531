// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The rules that consist of a form alone, for the tables of rules.
#pragma once

#include <string_view>

#include "cli/compose/model/rules.h"

namespace davit::cli::compose {

inline constexpr Rule kAny{Form::kAny};
inline constexpr Rule kText{Form::kText};
inline constexpr Rule kPath{Form::kPath};
inline constexpr Rule kBool{Form::kBool};
inline constexpr Rule kInteger{Form::kInteger};
inline constexpr Rule kNumber{Form::kNumber};
inline constexpr Rule kDuration{Form::kDuration};
inline constexpr Rule kBytes{Form::kBytes};
inline constexpr Rule kCommand{Form::kCommand};
inline constexpr Rule kTest{Form::kTest};
inline constexpr Rule kTexts{Form::kTexts};
inline constexpr Rule kPairs{Form::kPairs};

// Why a key is not supported.
inline constexpr std::string_view kSwarm = "it is for clusters; remove it";

}  // namespace davit::cli::compose
