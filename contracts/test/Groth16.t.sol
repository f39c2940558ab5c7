// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Groth16} from "../src/Groth16.sol";
import {IssuerRegistry} from "../src/IssuerRegistry.sol";
import {PoseidonT2} from "../src/PoseidonT2.sol";
import {PresentationVerifier} from "../src/PresentationVerifier.sol";
import {Presentations} from "./Presentations.sol";

contract Groth16Test is Presentations {
    uint256 internal constant BASE_MODULUS =
        21888242871839275222246405745257275088696311157297823662689037894645226208583;
    uint256 internal constant WORDS = 60;
    uint256 internal constant IN_G2_FROM = 2;
    uint256 internal constant BASES_FROM = 14;

    bytes internal key;

    function setUp() public {
        deployVerifier();
        key = keyWords();
    }

    function deploy(bytes memory words) external returns (PresentationVerifier) {
        return new PresentationVerifier(IssuerRegistry(address(1)), PoseidonT2(address(2)), words);
    }

    function keyRefused(bytes memory words, bytes memory why) internal {
        refused(address(this), address(this), abi.encodeCall(this.deploy, (words)), why);
    }

    function withWord(uint256 index, uint256 value) internal view returns (bytes memory words) {
        words = key;
        assembly ("memory-safe") {
            mstore(add(add(words, 32), mul(index, 32)), value)
        }
    }

    function wordAt(uint256 index) internal view returns (uint256 value) {
        bytes memory words = key;
        assembly ("memory-safe") {
            value := mload(add(add(words, 32), mul(index, 32)))
        }
    }

    /// In bytes, of the point that the word is part of.
    function offsetOf(uint256 index) internal pure returns (uint256) {
        if (index < IN_G2_FROM) return 0;
        if (index >= BASES_FROM) return 32 * (index - index % 2);
        return 32 * (index - (index - IN_G2_FROM) % 4);
    }

    function test_a_key_has_the_length_of_its_inputs() public {
        equal(key.length, 32 * WORDS);
        bytes4 selector = Groth16.KeyLengthMismatch.selector;
        keyRefused("", refusal(selector, 0, key.length));
        keyRefused(abi.encodePacked(key, uint256(0)), refusal(selector, key.length + 32, key.length));
    }

    function test_every_word_of_a_key_is_part_of_a_point() public {
        for (uint256 i = 0; i < WORDS; ++i) {
            bytes memory why = refusal(Groth16.InvalidKeyPoint.selector, offsetOf(i));
            keyRefused(withWord(i, wordAt(i) ^ 1), why);
            // The same residue in another form.
            keyRefused(withWord(i, wordAt(i) + BASE_MODULUS), why);
        }
    }

    function test_no_fixed_point_of_a_key_is_the_identity() public {
        for (uint256 i = 0; i < BASES_FROM; i += i < IN_G2_FROM ? 2 : 4) {
            bytes memory words = key;
            for (uint256 j = i; j < (i < IN_G2_FROM ? i + 2 : i + 4); ++j) {
                assembly ("memory-safe") {
                    mstore(add(add(words, 32), mul(j, 32)), 0)
                }
            }
            keyRefused(words, refusal(Groth16.InvalidKeyPoint.selector, 32 * i));
        }
    }

    function test_a_proof_under_another_key_is_refused() public {
        // The generator in the place of the first input's base.
        bytes memory words = withWord(BASES_FROM + 2, 1);
        assembly ("memory-safe") {
            mstore(add(add(words, 32), mul(17, 32)), 2)
        }
        PresentationVerifier other = new PresentationVerifier(registry, new PoseidonT2(), words);
        vm.etch(address(verifier), address(other).code);
        bytes memory call = abi.encodeCall(PresentationVerifier.present, (load(TYPICAL)));
        refused(callerOf(TYPICAL), address(verifier), call, refusal(PresentationVerifier.InvalidProof.selector));
    }
}
