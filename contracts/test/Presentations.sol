// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {BabyJubJub} from "../src/BabyJubJub.sol";
import {IssuerRegistry} from "../src/IssuerRegistry.sol";
import {PoseidonT2} from "../src/PoseidonT2.sol";
import {PresentationVerifier} from "../src/PresentationVerifier.sol";
import {Harness} from "./Harness.sol";

/// @title The contract that the kept proofs are for, over a registry with their issuer as its one entry.
abstract contract Presentations is Harness {
    // Which of the kept proofs.
    uint256 internal constant TYPICAL = 0;
    uint256 internal constant BY_CONTRACT = 1;
    uint256 internal constant ALL_DISCLOSED = 2;
    uint256 internal constant KEPT = 3;

    uint256 internal constant SCOPE = 2;
    uint256 internal constant WORD = 5;
    uint256 internal constant SET = 14;

    uint32 internal constant MAX_AGE = 600;
    uint32 internal constant GRACE = 300;

    PresentationVerifier internal verifier;
    address internal issuer;
    string private json;

    function deployVerifier() internal {
        json = vectors("presentations.json");
        deployRegistry(vm.parseJsonUint(json, ".scene.emptyStatusRoot"));
        issuer = vm.parseJsonAddress(json, ".scene.issuer");
        uint256[] memory key = vm.parseJsonUintArray(json, ".scene.key");
        IssuerRegistry.Accreditation memory accreditation = IssuerRegistry.Accreditation(
            issuer,
            uint32(vm.parseJsonUint(json, ".scene.schema")),
            uint40(vm.parseJsonUint(json, ".scene.accreditedUntil")),
            BabyJubJub.Point(key[0], key[1]),
            BabyJubJub.Point(key[2], key[3])
        );
        decide(address(registry), abi.encodeCall(IssuerRegistry.accredit, (accreditation)));
        equal(registry.root(), vm.parseJsonUint(json, ".scene.registryRoot"));

        // The proofs name the contract's address: its code, which holds all that it was constructed with, goes there.
        PresentationVerifier deployed = new PresentationVerifier(registry, new PoseidonT2(), keyWords());
        verifier = PresentationVerifier(vm.parseJsonAddress(json, ".scene.contract"));
        vm.etch(address(verifier), address(deployed).code);
        vm.chainId(vm.parseJsonUint(json, ".scene.chainId"));
    }

    function keyWords() internal view returns (bytes memory) {
        return vm.parseJsonBytes(json, ".verifyingKeyWords");
    }

    function path(uint256 kept, string memory field) private pure returns (string memory) {
        return string.concat(".presentations[", vm.toString(kept), "].", field);
    }

    function callerOf(uint256 kept) internal view returns (address) {
        return vm.parseJsonAddress(json, path(kept, "asked.caller"));
    }

    function inputsOf(uint256 kept) internal view returns (uint256[] memory) {
        return vm.parseJsonUintArray(json, path(kept, "asked.inputs"));
    }

    function withdrawalKeyOf(uint256 kept) internal view returns (uint256) {
        return vm.parseJsonUint(json, path(kept, "asked.withdrawalKey"));
    }

    function policyOf(uint256 kept) internal view returns (PresentationVerifier.Policy memory policy) {
        uint256[] memory inputs = inputsOf(kept);
        uint256[] memory operands = vm.parseJsonUintArray(json, path(kept, "asked.operands"));
        uint256[] memory modes = vm.parseJsonUintArray(json, path(kept, "asked.modes"));
        policy.scope = inputs[SCOPE];
        policy.word = inputs[WORD];
        policy.maxAge = MAX_AGE;
        policy.rootGrace = GRACE;
        for (uint256 i = 0; i < operands.length; ++i) {
            policy.operands[i] = operands[i];
            policy.modes[i] = PresentationVerifier.OperandMode(modes[i]);
            policy.set[i] = inputs[SET + i];
        }
    }

    /// The kept presentation, of its policy, which is registered.
    function load(uint256 kept) internal returns (PresentationVerifier.Presentation memory presentation) {
        uint256[] memory inputs = inputsOf(kept);
        presentation.policyId = verifier.registerPolicy(policyOf(kept));
        presentation.registryRoot = inputs[0];
        presentation.nullifier = inputs[1];
        presentation.now_ = uint40(vm.parseJsonUint(json, path(kept, "asked.now")));
        presentation.subject = vm.parseJsonAddress(json, path(kept, "asked.subject"));
        presentation.disclosed = vm.parseJsonUintArray(json, path(kept, "asked.disclosed"));
        bytes memory proof = vm.parseJsonBytes(json, path(kept, "proofWords"));
        presentation.proof = abi.decode(proof, (uint256[8]));
    }

    function present(uint256 kept) internal {
        bytes memory call = abi.encodeCall(PresentationVerifier.present, (load(kept)));
        done(callerOf(kept), address(verifier), call);
    }

    function withdraw(address sender, uint256 key) internal returns (uint256) {
        bytes memory call = abi.encodeCall(PresentationVerifier.withdraw, (key));
        return abi.decode(done(sender, address(verifier), call), (uint256));
    }
}
