// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a hostile file costs.
#include "cli/build/dockerfile/limits.h"

#include <gmock/gmock.h>

#include <chrono>

#include "cli/build/dockerfile/check.h"

namespace davit::cli::dockerfile {
namespace {

using testing::HasSubstr;

constexpr std::chrono::seconds kPatience(
    60);  // for a slow machine and sanitizers; what has no limit takes hours

std::string Repeated(size_t times, const std::string& text) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

// The first error, or nothing. A check ends soon.
std::string FirstError(const std::string& text) {
  const auto start = std::chrono::steady_clock::now();
  const CheckReport report = Check(text, {});
  EXPECT_LT(std::chrono::steady_clock::now() - start, kPatience);
  return report.errors.empty() ? "" : report.errors[0].ToString();
}

TEST(HostileFiles, HaveALimitedSize) {
  EXPECT_THAT(FirstError(std::string(kMaxFileBytes + 1, '\n')), HasSubstr("larger than 4194304 bytes"));
  EXPECT_THAT(FirstError("FROM a\nRUN " + std::string(kMaxLineBytes, 'x')),
              HasSubstr("longer than 65535 bytes"));
  EXPECT_EQ(FirstError("FROM a\nRUN " + std::string(kMaxLineBytes - 4, 'x')), "");
  EXPECT_THAT(FirstError("FROM a\n" + Repeated(kMaxInstructions, "RUN x\n")),
              HasSubstr("more than 10000 instructions"));
}

TEST(HostileFiles, HaveALimitedDepth) {
  EXPECT_THAT(FirstError("FROM a\n" + Repeated(100'000, "ONBUILD \\\n") + "RUN x"),
              HasSubstr("ONBUILD ONBUILD"));
  EXPECT_EQ(FirstError("FROM a\nCMD " + std::string(60'000, '[')), "") << "text for a shell";
}

TEST(HostileFiles, CannotMakeVariablesGrowWithoutLimit) {
  EXPECT_THAT(FirstError("FROM a\nENV a=0123456789\n" + Repeated(40, "ENV a=$a$a\n")), HasSubstr("too long"));
  EXPECT_THAT(FirstError("ARG a=0123456789\n" + Repeated(40, "ARG a=$a$a\n") + "FROM b"),
              HasSubstr("too long"));
  EXPECT_THAT(FirstError("FROM a\nENV a=0123456789\n" + Repeated(16, "ENV a=$a$a\n") +
                         Repeated(9'000, "LABEL x=$a\n")),
              HasSubstr("more than 64 MiB"));
}

TEST(HostileFiles, CannotMakeStagesInheritWithoutLimit) {
  std::string text = "FROM x AS a\nENV v=0123456789\n" + Repeated(16, "ENV v=$v$v\n");
  for (int i = 0; i < 2'000; ++i) text += "FROM a AS b" + std::to_string(i) + "\n";
  text += "FROM x\n";
  for (int i = 0; i < 2'000; ++i) text += "COPY --from=b" + std::to_string(i) + " x y\n";
  EXPECT_THAT(FirstError(text), HasSubstr("the stages' variables together are too large"));
}

TEST(HostileFiles, CannotMultiplyInstructionsWithoutLimit) {
  EXPECT_THAT(FirstError("FROM a AS b\n" + Repeated(4'000, "ONBUILD RUN x\n") + Repeated(4'000, "FROM b\n")),
              HasSubstr("too many instructions in all stages"));
}

TEST(HostileFiles, CannotMakeSuggestionsCostly) {
  std::string text;
  for (int i = 0; i < 4'000; ++i) text += "ARG variable" + std::to_string(i) + "=x\n";
  EXPECT_THAT(FirstError(text + Repeated(5'000, "FROM $variabel\n")), HasSubstr("should not be blank"));
  EXPECT_EQ(Check("FROM a\n" + Repeated(9'000, "RUNN x\n"), {}).errors.size(), kMaxProblems);
}

TEST(HostileFiles, MayHaveManyHeredocs) {
  EXPECT_EQ(FirstError("FROM a\nRUN " + Repeated(10'000, "<<A ") + "\n" + Repeated(10'000, "A\n")), "");
}

}  // namespace
}  // namespace davit::cli::dockerfile
