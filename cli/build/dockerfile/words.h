// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Splits text into words. Variables are not expanded yet.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "cli/build/dockerfile/placed_text.h"

namespace davit::cli::dockerfile {

// At the first blanks; the second part is absent if there are none.
std::pair<Span, std::optional<Span>> SplitAtFirstBlanks(Span text);

// At all blanks, without regard to quotes. Blanks at an end of the text leave an empty word there.
std::vector<Token> SplitAtBlanks(Span text);

// At blanks that are neither quoted nor escaped. Quotes and escape characters stay in the words.
std::vector<Token> SplitWords(Span text, char escape);

// Takes the words in front that begin with "--", without their quotes and escape characters. Returns the
// rest, which begins behind a word "--" if there is one.
Span TakeFlags(Span text, char escape, std::vector<Token>& flags);

}  // namespace davit::cli::dockerfile
