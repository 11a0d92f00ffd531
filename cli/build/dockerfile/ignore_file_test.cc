// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/ignore_file.h"

#include <gtest/gtest.h>

#include <chrono>

#include "cli/build/dockerfile/limits.h"

namespace davit::cli::dockerfile {
namespace {

bool Ignores(std::string_view file, std::string_view path) {
  Parsed<IgnoreFile> parsed = IgnoreFile::Parse(file);
  EXPECT_TRUE(parsed) << file << ": " << parsed.error().ToString();
  return parsed && parsed->Ignores(path);
}

TEST(IgnoreFile, NamesFilesAndAllBelow) {
  EXPECT_TRUE(Ignores("a", "a"));
  EXPECT_TRUE(Ignores("/a/\n", "a/b/c")) << "from the root, with or without a slash";
  EXPECT_FALSE(Ignores("a", "ab"));
  EXPECT_FALSE(Ignores("a", "b/a"));
  EXPECT_TRUE(Ignores("a/../b//c/.", "b/c/d"));
  EXPECT_TRUE(Ignores("\xEF\xBB\xBF  a b \r\n", "a b"));
  EXPECT_FALSE(Ignores("# a\n\n", "# a"));
}

TEST(IgnoreFile, HasWildcardsOfOneName) {
  EXPECT_TRUE(Ignores("*.o", "x.o"));
  EXPECT_FALSE(Ignores("*.o", "d/x.o"));
  EXPECT_TRUE(Ignores("*/*.o", "d/x.o"));
  EXPECT_TRUE(Ignores("a?c",
                      "a\xE2\x82\xAC"
                      "c"))
      << "a character, not a byte";
  EXPECT_FALSE(Ignores("a?c", "a/c"));
  EXPECT_TRUE(Ignores("[a-c][^x]\\*", "by*"));
  EXPECT_FALSE(Ignores("[a-c][^x]\\*", "bx*"));
  EXPECT_FALSE(Ignores("[a-c]", "d"));
  EXPECT_TRUE(Ignores("a.b", "a.b"));
  EXPECT_FALSE(Ignores("a.b*", "aXb")) << "no regular expression";
}

TEST(IgnoreFile, HasWildcardsOfDirectories) {
  for (const char* path : {"x.o", "d/x.o", "d/e/x.o", "x.o/below"})
    EXPECT_TRUE(Ignores("**/*.o", path)) << path;
  for (const char* path : {"name", "d/name", "d/e/name"}) EXPECT_TRUE(Ignores("**/name", path)) << path;
  EXPECT_FALSE(Ignores("**/name", "d/rename"));
  EXPECT_TRUE(Ignores("**name", "d/rename"));
  EXPECT_TRUE(Ignores("a/**/b", "a/b"));
  EXPECT_TRUE(Ignores("a/**/b", "a/x/y/b/z"));
  EXPECT_FALSE(Ignores("a/**/b", "a/xb"));
  EXPECT_TRUE(Ignores("a/**", "a/b"));
  EXPECT_FALSE(Ignores("a/**", "a"));
  EXPECT_TRUE(Ignores("**", "any/thing"));
  EXPECT_TRUE(Ignores("a/*/**/c", "a/b/c"));
  EXPECT_FALSE(Ignores("a/*/**/c", "a/c"));
}

TEST(IgnoreFile, ExceptsAndTheLastPatternCounts) {
  EXPECT_FALSE(Ignores("*\n!keep", "keep"));
  EXPECT_TRUE(Ignores("*\n! /keep\nkeep/secret", "keep/secret/x"));
  EXPECT_FALSE(Ignores("d\n!d/keep", "d/keep"));
  EXPECT_TRUE(Ignores("!a\na", "a"));
  EXPECT_TRUE(Ignores("*\n!*.md\nREADME*.md", "README-x.md"));
  EXPECT_FALSE(Ignores("**", ".")) << "the root itself";
  EXPECT_TRUE(IgnoreFile::Parse("a\n!b")->HasExceptions());
  EXPECT_FALSE(IgnoreFile::Parse("a\nb")->HasExceptions());
}

TEST(IgnoreFile, RefusesWhatIsNoPattern) {
  for (const char* bad : {"x\n!", "x\n[a", "x\n[]a]", "x\n[a-]", "x\n[-a]", "x\na\\", "x\n[a\\"}) {
    Parsed<IgnoreFile> file = IgnoreFile::Parse(bad);
    ASSERT_FALSE(file) << bad;
    EXPECT_EQ(file.error().place.line, 2);
  }
  EXPECT_FALSE(IgnoreFile::Parse(std::string(kMaxIgnoreFileBytes + 1, '\n')));
  std::string many;
  for (size_t i = 0; i <= kMaxIgnorePatterns; ++i) many += "a\n";
  EXPECT_EQ(IgnoreFile::Parse(many).error().ToString(), "more than 10000 patterns");
}

// What takes a backtracking matcher years.
TEST(IgnoreFile, MatchesInLinearTime) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "**/*a*/";
  std::string path;
  for (int i = 0; i < 2'000; ++i) path += "aaaaa/";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(Ignores(pattern + "b", path + "c"));
  EXPECT_TRUE(Ignores(pattern + "c", path + "c"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(CleanPath, IsTheShortestOfThatMeaning) {
  EXPECT_EQ(CleanPath("a//./b/../c/"), "a/c");
  EXPECT_EQ(CleanPath("../../a/.."), "../..");
  EXPECT_EQ(CleanPath("/../a"), "/a");
  EXPECT_EQ(CleanPath(""), ".");
  EXPECT_EQ(CleanPath("/"), "/");
}

}  // namespace
}  // namespace davit::cli::dockerfile
