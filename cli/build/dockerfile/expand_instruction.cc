// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/expand_instruction.h"

#include <utility>

#include "base/error.h"

namespace davit::cli::dockerfile {
namespace {

// An overload for each kind of instruction.
class InstructionExpander {
 public:
  InstructionExpander(Expander& words, Expander& contents) : words_(words), contents_(contents) {}

  Parsed<> operator()(Copy& copy) { return ExpandTransfer(copy); }
  Parsed<> operator()(Add& add) {
    TRY(Expand(add.checksum));
    return ExpandTransfer(add);
  }
  Parsed<> operator()(Env& env) { return ExpandAssignments(env.variables); }
  Parsed<> operator()(Label& label) { return ExpandAssignments(label.labels); }
  Parsed<> operator()(Expose& expose) {
    std::vector<Token> ports;
    for (const Token& port : expose.ports) {
      for (std::string& word : TRY(words_.Words(port))) ports.push_back({std::move(word), port.place});
    }
    expose.ports = std::move(ports);
    return {};
  }
  Parsed<> operator()(Volume& volume) { return ExpandAll(volume.paths); }
  Parsed<> operator()(User& user) { return Expand(user.user); }
  Parsed<> operator()(Workdir& workdir) { return Expand(workdir.path); }
  Parsed<> operator()(StopSignal& stop) { return Expand(stop.signal); }
  template <typename Other>
  Parsed<> operator()(Other& /*other*/) {
    return {};
  }

 private:
  Parsed<> Expand(Token& word) {
    word.text = TRY(words_.Word(word));
    return {};
  }
  Parsed<> ExpandAll(std::vector<Token>& words) {
    for (Token& word : words) TRY(Expand(word));
    return {};
  }
  Parsed<> ExpandAssignments(std::vector<Assignment>& assignments) {
    for (Assignment& assignment : assignments) {
      TRY(Expand(assignment.name));
      TRY(Expand(assignment.value));
    }
    return {};
  }
  Parsed<> ExpandTransfer(FileTransfer& transfer) {
    TRY(ExpandAll(transfer.sources));
    TRY(Expand(transfer.destination));
    TRY(Expand(transfer.owner));
    TRY(Expand(transfer.mode));
    for (InlineFile& file : transfer.files) {
      if (file.expands) file.content.text = TRY(contents_.Word(file.content));
    }
    return {};
  }

  Expander& words_;
  Expander& contents_;
};

}  // namespace

Parsed<> ExpandVariables(Expander& words, Expander& contents, Instruction& instruction) {
  return std::visit(InstructionExpander(words, contents), instruction.meaning);
}

Parsed<std::vector<Mount>> ExpandedMounts(Expander& words, const Run& run) {
  std::vector<Mount> mounts;
  for (const Token& text : run.mounts)
    mounts.push_back(TRY(ParseMount(text, [&words](const Token& value) { return words.Word(value); })));
  return mounts;
}

}  // namespace davit::cli::dockerfile
