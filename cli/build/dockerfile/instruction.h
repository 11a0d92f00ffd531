// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The instructions of a Dockerfile by their meaning. Variables are not expanded yet (expand_instruction.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/build/dockerfile/heredoc.h"
#include "cli/build/dockerfile/placed_text.h"

namespace davit::cli::dockerfile {

// What RUN, CMD, ENTRYPOINT and HEALTHCHECK execute.
struct CommandLine {
  std::vector<Token> words = {};  // of the exec form; else one text for the shell, or none
  bool exec_form = false;
};

struct From {
  Token image = {};  // an image, a stage or "scratch"
  Token platform = {};
  Token name = {};  // of the stage, in lower case; empty if it has none
};

struct Run {
  enum class Network : uint8_t { kDefault, kNone, kHost };

  CommandLine command = {};
  std::vector<Heredoc> heredocs = {};
  std::vector<Token> mounts = {};  // the flags' values (mount.h)
  Network network = Network::kDefault;
};

// A file that a heredoc has the content of.
struct InlineFile {
  Token name = {};
  Token content = {};
  bool expands = true;
};

// What COPY and ADD have in common.
struct FileTransfer {
  std::vector<Token> sources = {};
  std::vector<InlineFile> files = {};
  Token destination = {};
  Token owner = {};  // --chown
  Token mode = {};   // --chmod
  bool link = false;
  std::vector<Token> exclude = {};
};

struct Copy : FileTransfer {
  Token from = {};  // a stage, an image or a named context; empty: the build's context
  bool parents = false;
};

struct Add : FileTransfer {
  Token checksum = {};
  std::optional<bool> unpack = {};  // absent: archives of the context are unpacked, fetched ones not
  std::optional<bool> keep_git_dir = {};
};

struct Assignment {
  Token name = {};
  Token value = {};
  bool legacy = false;  // "ENV name value"
};

struct Env {
  std::vector<Assignment> variables = {};
};

struct Label {
  std::vector<Assignment> labels = {};
};

struct Arg {
  struct Argument {
    Token name = {};
    std::optional<Token> value = {};
  };
  std::vector<Argument> arguments = {};
};

struct Expose {
  std::vector<Token> ports = {};
};

struct Volume {
  std::vector<Token> paths = {};
};

struct User {
  Token user = {};
};

struct Workdir {
  Token path = {};
};

struct Cmd {
  CommandLine command = {};
};

struct Entrypoint {
  CommandLine command = {};
};

struct Shell {
  std::vector<Token> command = {};
};

struct Healthcheck {
  bool none = false;  // "HEALTHCHECK NONE": nothing else is set
  CommandLine command = {};
  // In nanoseconds; 0: the default.
  int64_t interval = 0;
  int64_t timeout = 0;
  int64_t start_period = 0;
  int64_t start_interval = 0;
  int32_t retries = 0;
};

struct StopSignal {
  Token signal = {};
};

struct Maintainer {
  Token name = {};
};

struct Instruction;

struct OnBuild {
  std::string text = {};                            // as images keep it: with its heredocs
  std::shared_ptr<const Instruction> trigger = {};  // never null
};

struct Instruction {
  Token keyword = {};     // as written
  std::string text = {};  // the whole instruction as one line, without heredocs
  int first_line = 0;
  int last_line = 0;
  size_t bytes = 0;  // its size in the file, with heredocs
  std::variant<From, Run, Copy, Add, Env, Label, Arg, Expose, Volume, User, Workdir, Cmd, Entrypoint, Shell,
               Healthcheck, StopSignal, Maintainer, OnBuild>
      meaning = {};

  Place place() const { return keyword.place; }
};

}  // namespace davit::cli::dockerfile
