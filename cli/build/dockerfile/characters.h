// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Blanks and case, as Dockerfiles count them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace davit::cli::dockerfile {

// The length in bytes of the blank (white space of Unicode) at the beginning of `text`; 0 if there is none.
size_t BlankLength(std::string_view text);

// The length in bytes of the character at the beginning of `text`, which is not empty. A byte that is not
// UTF-8 is a character of its own.
size_t CharacterStep(std::string_view text);

// The number of a character of CharacterStep's length. A byte that is not UTF-8 has one beyond Unicode.
uint32_t CodePoint(std::string_view character);

// A letter, a digit or "_". Beyond ASCII the blocks of Unicode decide, not single characters: those of
// punctuation, marks and symbols have none.
bool IsNameCharacter(std::string_view character);

std::string_view WithoutLeadingBlanks(std::string_view text);
std::string_view WithoutTrailingBlanks(std::string_view text);
std::string_view Trimmed(std::string_view text);

// ASCII letters only; other characters stay.
std::string LowerCase(std::string_view text);
std::string UpperCase(std::string_view text);
bool EqualIgnoringCase(std::string_view a, std::string_view b);

}  // namespace davit::cli::dockerfile
